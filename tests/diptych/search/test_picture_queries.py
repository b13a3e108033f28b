"""Queries of an image and words: the picture decides what is meant, and the words what is wanted of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from diptych.answering.evidence import gather_evidence
from diptych.encoders.encoder import Encoder
from diptych.library.maintenance import Maintenance
from diptych.library.query_preparation import QueryPreparation
from diptych.library.runtime import Runtime
from diptych.models.meter import Meter
from diptych.search.hits import Hit
from diptych.search.query.query import Query
from diptych.search.ranking.picture_likeness import measure_likeness
from diptych.search.search import search
from diptych.settings import Settings
from diptych.store.spaces import Spaces
from diptych.vectors import Vectors
from diptych.where import parse_where
from tests.support.fakes import WordEncoder

SIDE = 4
COUNT = 14
Fields = NDArray[Any]
"""Colours, shape (SIDE, SIDE, 3)."""
QUESTIONS = ("do you have this one?", "How much sugar does this have?", "Is this good for baking and desserts?")
GOODS = ("yoghurt without sugar", "flour for baking and desserts", "one of the sweet desserts, with much sugar", "milk")


class MosaicEncoder(WordEncoder):
    """Reads words as `WordEncoder` does, and pictures by the colours of their 4 x 4 fields, in other dimensions."""

    name = fingerprint = "mosaics"
    size = WordEncoder.size + 3 * SIDE**2
    reads_images = True

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        words = super().encode_texts(texts, query=query)
        return np.pad(words, ((0, 0), (0, 3 * SIDE**2)))

    def encode_images(self, images: Sequence[Path]) -> Vectors:
        fields = [
            np.asarray(Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)) for path in images
        ]
        rows = np.stack([field.ravel() for field in fields]).astype(np.float32)
        rows = np.pad(rows / np.linalg.norm(rows, axis=1, keepdims=True), ((0, 0), (WordEncoder.size, 0)))
        return np.asarray(rows, np.float32)


def write_mosaic(path: Path, fields: Fields, quality: int = 95) -> Path:
    Image.fromarray(fields.astype(np.uint8)).resize((64, 64), Image.Resampling.NEAREST).save(path, quality=quality)
    return path


def mosaic(number: int) -> Fields:
    return np.random.default_rng(number).integers(0, 255, (SIDE, SIDE, 3))


class Catalogue:
    """A store of products with mosaics as photos; the words of the questions are in other products' texts."""

    def __init__(self, folder: Path, spaces: Spaces) -> None:
        self.folder = folder
        lines = ["id,name,description,price,image"]
        for number in range(COUNT):
            write_mosaic(folder / f"{number}.jpg", mosaic(number))
            colour = ("red", "green")[number % 2]
            lines.append(f'{number},Product {number},"A {colour} {GOODS[number % 4]}",{10 + number},{number}.jpg')
        (folder / "goods.csv").write_text("\n".join(lines))
        self.runtime = Runtime(Settings(store=str(folder / "store")), Meter())
        self.runtime.spaces = spaces
        maintenance = Maintenance(self.runtime)
        outcomes = maintenance.ingest_sources(maintenance.find_sources([folder / "goods.csv"]).sources)
        assert {outcome.status for outcome in outcomes} == {"complete"}

    def ask(self, text: str, picture: Fields, where: str = "", limit: int = 10) -> list[Hit]:
        image = write_mosaic(self.folder / "question.jpg", picture, quality=30)
        query = Query(text, image, parse_where(where) if where else None)
        prepared = QueryPreparation(self.runtime).prepare(query)
        return list(search([prepared], self.runtime.search_context, limit)[0])


@pytest.fixture(scope="module", params=["one space", "two spaces"])
def catalogue(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    mosaics = MosaicEncoder()
    text: Encoder = mosaics if request.param == "one space" else WordEncoder()
    made = Catalogue(tmp_path_factory.mktemp("goods"), Spaces(text, mosaics))
    yield made
    made.runtime.close()


@pytest.mark.parametrize("question", ["", *QUESTIONS])
def test_photo_finds_its_product_beside_any_question(catalogue: Catalogue, question: str) -> None:
    first = [catalogue.ask(question, mosaic(number), limit=1)[0].document for number in range(COUNT)]
    assert first == [f"goods.csv#{number}" for number in range(COUNT)]


def test_words_decide_between_pictures_that_are_equally_similar(catalogue: Catalogue) -> None:
    one, other = mosaic(2), mosaic(3)
    between = (one + other * (np.linalg.norm(one) / np.linalg.norm(other))) / 2
    for colour, product in (("red", 2), ("green", 3)):
        assert catalogue.ask(f"similar but in {colour}", between)[0].document == f"goods.csv#{product}"


def test_filter_excludes_the_picture_itself(catalogue: Catalogue) -> None:
    hits = catalogue.ask("similar but cheaper, under $15", mosaic(9))
    assert {hit.fields["price"] for hit in hits} <= set(range(10, 15))
    assert catalogue.ask("do you have this one?", mosaic(9), where="price < 15")[0].document != "goods.csv#9"


def test_what_only_words_find_is_among_the_hits(catalogue: Catalogue) -> None:
    hits = catalogue.ask("flour for baking", mosaic(0))
    assert hits[0].document == "goods.csv#0"
    assert any("flour" in hit.text for hit in hits[:6])


def test_answer_is_shown_the_picture_and_its_words(catalogue: Catalogue) -> None:
    hits = catalogue.ask(QUESTIONS[1], mosaic(5), limit=12)
    first, *_ = gather_evidence(hits, catalogue.runtime.store(), catalogue.runtime.picture_store)
    assert first.item.document == "goods.csv#5"
    assert first.picture
    assert first.picture.is_file()
    assert GOODS[1] in first.item.text


def test_ranks_name_the_list_of_the_picture_alone(catalogue: Catalogue) -> None:
    assert catalogue.ask("do you have this one?", mosaic(5))[0].ranks["images.picture"] == 1
    assert "images.picture" not in catalogue.ask("", mosaic(5))[0].ranks


def test_likeness_is_a_ratio_of_distances() -> None:
    near, same, far = 1 - 0.3**2 / 2, 1.0, 1 - 0.6**2 / 2  # cosines at the distances 0.3, 0 and 0.6
    assert measure_likeness([{"a": near, "b": far}]) == pytest.approx({"a": 1, "b": 1 / 16})
    assert measure_likeness([{"a": same, "b": near}]) == pytest.approx({"a": 1, "b": 1 / 81})
    assert measure_likeness([{"a": same, "b": same}]) == {"a": 1, "b": 1}, "copies"
    assert measure_likeness([{"a": near, "b": far}, {"b": near}]) == pytest.approx({"a": 0.5, "b": 0.5 + 1 / 32})
    assert measure_likeness([]) == measure_likeness([{}]) == {}
