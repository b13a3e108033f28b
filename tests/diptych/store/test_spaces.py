"""Which part of a query reaches which vector, with encoders whose output a person can check by eye."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diptych.encoders.encoder import Encoder
from diptych.errors import QueryError, StoreMismatch
from diptych.picture_store import PictureStore
from diptych.pipeline.ingest import ingest_document
from diptych.pipeline.pipeline import Pipeline
from diptych.pipeline.reindex import reindex_store
from diptych.search.hits import Hit
from diptych.search.query.query import Query
from diptych.search.search import SearchContext, search
from diptych.store.register import bind_encoders
from diptych.store.spaces import Spaces
from diptych.store.types import Store, text_shapes
from diptych.vectors import Vectors
from extractors.types import ImageFile, Options, Passage, Picture
from tests.support.fakes import ScriptedSandbox, WordEncoder, document, source
from tests.support.stores import ENGINES, open_store

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


class ColourEncoder(Encoder):
    """Encodes texts by the colours they name and pictures by their colour: red is [1, 0, 0] in both."""

    name = "colours"
    fingerprint = "colours-1"
    size = 3
    reads_images = True

    def __init__(self) -> None:
        self.seen: list[Path] = []

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        return _unit_rows([[text.lower().count(colour) for colour in COLOURS] for text in texts])

    def encode_images(self, images: Sequence[Path]) -> Vectors:
        self.seen += images
        return _unit_rows([list(Image.open(path).resize((1, 1)).getpixel((0, 0))) for path in images])  # type: ignore[arg-type]


def _unit_rows(rows: Sequence[Sequence[float]]) -> Vectors:
    vectors = np.asarray(rows, np.float32) + np.float32(1e-3)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def save_colour(folder: Path, colour: str) -> ImageFile:
    """Save a picture of one colour in the picture store."""
    digest = hashlib.sha256(colour.encode()).hexdigest()
    path = folder / digest[:2] / f"{digest}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), COLOURS[colour]).save(path)
    return ImageFile(digest, ".png", 8, 8)


class Shop:
    """A store of one document: three pictures without any words, and three passages."""

    def __init__(self, index: Store, spaces: Spaces, folder: Path) -> None:
        self.index, self.spaces, self.folder = index, spaces, folder
        sandbox = ScriptedSandbox()
        pictures = tuple(
            Picture("photo", page, save_colour(folder, colour)) for page, colour in enumerate(COLOURS, start=1)
        )
        passages = tuple(Passage(f"The pump is {colour}.", page=page) for page, colour in enumerate(COLOURS, start=1))
        sandbox.scripts["shop.pdf"] = document(*passages, pictures=pictures)
        self.pipeline = Pipeline(index, spaces, sandbox, Options(), PictureStore(folder))
        bind_encoders(index, spaces.encoding_config("english"))
        self.outcome = ingest_document(source("shop.pdf"), self.pipeline)

    def ask(self, text: str = "", colour: str = "") -> list[Hit]:
        image = self.folder / "question.png" if colour else None
        if image:
            Image.new("RGB", (5, 5), COLOURS[colour]).save(image)
        return search([Query(text, image)], SearchContext(self.index, self.spaces, self.folder), 10)[0]

    def best(self, modality: str, text: str = "", colour: str = "") -> int | None:
        """The page of the best hit of a modality."""
        return next((hit.page for hit in self.ask(text, colour) if hit.modality == modality), None)


def shop(engine: str, folder: Path, spaces: Spaces) -> Shop:
    return Shop(open_store(engine, folder, spaces.shapes), spaces, folder)


@pytest.mark.parametrize("engine", ENGINES)
def test_image_encoder_finds_pictures_by_words_and_by_pictures(tmp_path: Path, engine: str) -> None:
    made = shop(engine, tmp_path, Spaces(WordEncoder(), ColourEncoder()))
    assert made.outcome.encoded == 6
    assert made.best("image", text="something green") == 2
    assert made.best("image", colour="blue") == 3
    assert made.best("text", colour="blue") is None  # pixels are in another space than passages
    assert set(made.ask(colour="blue")[0].ranks) == {"images.visual"}
    made.index.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_picture_finds_passages_in_a_shared_space(tmp_path: Path, engine: str) -> None:
    unified = ColourEncoder()
    made = shop(engine, tmp_path, Spaces(unified, unified))
    assert made.best("text", colour="green") == 2
    assert made.best("image", colour="green") == 2
    assert made.best("image", text="red") == 1
    made.index.close()


def test_text_and_picture_of_a_query_are_averaged_in_a_shared_space(tmp_path: Path) -> None:
    spaces = Spaces(WordEncoder(), ColourEncoder())
    Image.new("RGB", (4, 4), COLOURS["blue"]).save(tmp_path / "q.png")
    (vectors,) = spaces.encode_queries([("red", tmp_path / "q.png")])
    assert set(vectors) == {"dense", "description", "visual", "picture"}
    assert vectors["visual"] == pytest.approx(np.array([1, 0, 1]) / np.sqrt(2), abs=2e-3)
    assert vectors["picture"] == pytest.approx([0, 0, 1], abs=2e-3)
    assert vectors["dense"] == pytest.approx(spaces.text.encode_texts(["red"])[0])


def test_texts_are_encoded_once_per_space(tmp_path: Path) -> None:
    words, counted = WordEncoder(), []

    class Counting(WordEncoder):
        def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
            counted.append(list(texts))
            return words.encode_texts(texts, query=query)

    Spaces(Counting()).encode_queries([("red", None), ("", tmp_path / "q.png"), ("blue", None)])
    assert counted == [["red", "blue"]]


def test_query_that_no_encoder_can_encode_is_refused(tmp_path: Path) -> None:
    assert Spaces(WordEncoder()).encode_queries([("", tmp_path / "q.png")]) == [{}]
    made = shop("embedded", tmp_path, Spaces(WordEncoder()))
    with pytest.raises(QueryError, match="words or give an image"):
        made.ask()
    made.index.close()


def test_reindex_adds_an_image_encoder(tmp_path: Path) -> None:
    words, colours = WordEncoder(), ColourEncoder()
    made = shop("embedded", tmp_path, Spaces(words))
    both = Spaces(words, colours)
    with pytest.raises(StoreMismatch, match="colours-1"):
        bind_encoders(made.index, both.encoding_config("english"))
    before = len(words.encoded)
    assert reindex_store(made.index, both, "english", PictureStore(tmp_path)) == 3  # only the pictures
    assert (len(words.encoded), len(colours.seen)) == (before, 3)
    made.index.close()
    reopened = open_store("embedded", tmp_path, both.shapes)
    panels = SearchContext(reopened, both, tmp_path)
    seen = {hit.page: hit.ranks["images.visual"] for hit in search([Query("green")], panels, 10)[0] if hit.image}
    assert seen[2] == 1
    reopened.close()


def test_moved_picture_keeps_its_vector(tmp_path: Path) -> None:
    colours = ColourEncoder()
    made = shop("embedded", tmp_path, Spaces(WordEncoder(), colours))
    sandbox = made.pipeline.sandbox
    assert isinstance(sandbox, ScriptedSandbox)
    moved = tuple(Picture("photo", 7, save_colour(tmp_path, colour)) for colour in COLOURS)
    sandbox.scripts["shop.pdf"] = document(pictures=moved)
    assert ingest_document(source("shop.pdf", version="2"), made.pipeline).encoded == 0
    assert len(colours.seen) == 3
    assert made.best("image", colour="red") == 7
    made.index.close()


def test_long_vectors_are_stored_as_float16() -> None:
    class Long(ColourEncoder):
        half = True

    shapes = Spaces(WordEncoder(), Long()).shapes
    assert {name: shape.half for name, shape in shapes.items()} == {
        "dense": False, "description": False, "visual": True
    }  # fmt: skip
    assert all(shape.half for shape in Spaces(WordEncoder(), half=True).shapes.values())
    assert text_shapes(3, half=True)["dense"].half
