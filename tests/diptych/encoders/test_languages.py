"""Search in languages that build and separate words differently from English, with a multilingual encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from diptych.encoders.encoder import Encoder
from diptych.encoders.registry import load_encoder
from diptych.picture_store import PictureStore
from diptych.pipeline.ingest import ingest_document
from diptych.pipeline.pipeline import Pipeline
from diptych.search.hits import Hit
from diptych.search.query.query import Query
from diptych.search.search import SearchContext, search
from diptych.settings import Settings
from diptych.store.spaces import Spaces
from extractors.types import Options, Passage
from tests.support.fakes import ScriptedSandbox, document, figure, source
from tests.support.onnx_models import write_texts
from tests.support.stores import open_embedded_store

MULTILINGUAL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
MEANINGS = (("pump", "pompa"), ("filter", "saringan"), ("clean", "membersihkan"), ("warranty", "garansi"))
"""Words with the same vector in the tiny model."""
CLEANING = "Membersihkan saringan udara setiap bulan dengan air hangat."
OILING = "Pompa dilumasi dengan minyak setiap minggu."
WARRANTY = "Garansi berlaku selama dua tahun."
MANUAL = document(
    Passage(CLEANING, 1, heading=("Perawatan",)),
    Passage(OILING, 2, heading=("Perawatan",)),
    Passage(WARRANTY, 3),
)
DRAWINGS = document(pictures=(figure("Gambar 1: pompa air", 1, "figure 1"), figure("Gambar 2: kotak", 2, "figure 2")))
TOWER = document(
    Passage("东京塔高333米，于1958年建成。", 1),
    Passage("京都的寺庙很多，春天樱花盛开。", 2),
    Passage("東京タワーの展望台は毎日九時に開きます。", 3),
    Passage("매일 아침 펌프의 압력을 확인하십시오.", 4),
)
Ask = Callable[[str], list[Hit]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = tmp_path_factory.mktemp("models")
    rows = {word: np.eye(1, 40, at)[0] * 3 for at, words in enumerate(MEANINGS, start=1) for word in words}
    write_texts(folder, MULTILINGUAL, rows)
    return load_encoder(f"fastembed:{MULTILINGUAL}", Settings(models=folder, cache=folder / "cache"))


def asked(folder: Path, model: Encoder, language: str) -> Iterator[Ask]:
    """A function that searches a store in this language."""
    spaces, sandbox = Spaces(model), ScriptedSandbox()
    index = open_embedded_store(folder / "store", spaces.shapes, 5)
    sandbox.scripts = {"buku.pdf": MANUAL, "gambar.pdf": DRAWINGS, "tower.pdf": TOWER}
    for name in sandbox.scripts:
        ingest_document(source(name), Pipeline(index, spaces, sandbox, Options(), PictureStore(folder), language))
    panels = SearchContext(index, spaces, folder, language)
    yield lambda text: search([Query(text)], panels, 10)[0]
    index.close()


@pytest.fixture(scope="module")
def indonesian(model: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    yield from asked(tmp_path_factory.mktemp("store"), model, "indonesian")


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("kapan saringan dibersihkan", CLEANING),
        ("pembersihan", CLEANING),
        ("penyaring", CLEANING),
        ("pelumasan minyak", OILING),
        ("berapa lama garansinya", WARRANTY),
    ],
)
def test_indonesian_words_are_found_with_other_prefixes_and_suffixes(indonesian: Ask, question: str, text: str) -> None:
    first = next(hit for hit in indonesian(question) if hit.modality == "text")
    assert first.text == text
    assert first.ranks["text.bm25"] == 1


def test_stemming_uses_the_language_of_the_settings(model: Encoder, tmp_path: Path) -> None:
    for ask in asked(tmp_path, model, "english"):
        assert [hit.ranks.get("text.bm25") for hit in ask("pembersihan") if hit.text == CLEANING] in ([], [None])


@pytest.mark.parametrize(
    ("question", "text"),
    [("how do i clean the filter", CLEANING), ("the warranty", WARRANTY), ("the pump", OILING)],
)
def test_multilingual_encoder_finds_meaning_across_languages(indonesian: Ask, question: str, text: str) -> None:
    first = next(hit for hit in indonesian(question) if hit.modality == "text")
    assert first.text == text
    assert first.ranks["text.dense"] == 1
    assert "text.bm25" not in first.ranks, "no word matches"


def test_picture_is_found_by_the_meaning_of_its_caption(indonesian: Ask) -> None:
    picture = next(hit for hit in indonesian("the pump") if hit.modality == "image")
    assert (picture.caption, picture.ranks["images.description"]) == ("Gambar 1: pompa air", 1)


@pytest.mark.parametrize(
    ("question", "page"),
    [
        ("东京塔有多高", 1),
        ("京都 樱花", 2),
        ("展望台は何時に開きますか", 3),
        ("펌프 압력", 4),
    ],
)
def test_scripts_without_spaces_are_found_by_parts_of_words(indonesian: Ask, question: str, page: int) -> None:
    first = indonesian(question)[0]
    assert (first.document, first.page) == ("tower.pdf", page)
    assert first.ranks["text.bm25"] == 1
