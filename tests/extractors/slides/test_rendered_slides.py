"""Decks as LibreOffice renders and converts them."""

from __future__ import annotations

import io
import shutil
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from extractors.slides import libreoffice
from extractors.types import Extraction, Options
from tests.support.decks import (
    add_bullets,
    extract_deck,
    needs_libreoffice,
    passage_texts,
    write_deck,
)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Extraction:
    """Four slides: bullets, a hidden one, bullets, and one with a metafile."""

    def hide(slide: Any) -> None:
        slide._element.set("show", "0")

    def add_metafile(slide: Any) -> None:
        slide.shapes.add_picture(io.BytesIO(wmf(b"Throughput")), 1000000, 2000000, 4000000, 2000000)

    path = tmp_path_factory.mktemp("rendered") / "a.pptx"
    return extract_deck(write_deck(path, add_bullets, hide, add_bullets, add_metafile), Options(ocr="off"))


@pytest.fixture
def odp(tmp_path: Path) -> Path:
    """Two slides, as LibreOffice 7.4 wrote them: bullets, and a hidden one with notes and a picture."""
    return Path(shutil.copy(Path(__file__).parents[2] / "files" / "deck.odp", tmp_path))


@needs_libreoffice
def test_every_slide_becomes_a_picture_including_hidden_ones(rendered: Extraction) -> None:
    drawn = [picture for picture in rendered.pictures if picture.kind == "slide"]
    assert [picture.page for picture in drawn] == [1, 2, 3, 4]
    assert drawn[0].words == "Title 1\nClean the filter weekly.\nUse cold water."
    assert (drawn[0].image.width, drawn[0].image.height) == (1500, 1125)
    assert drawn[0].image.sha256 != drawn[1].image.sha256


@needs_libreoffice
def test_metafile_is_cut_from_the_rendered_slide_with_its_words(rendered: Extraction) -> None:
    (figure,) = (picture for picture in rendered.pictures if picture.kind == "figure")
    assert (figure.page, figure.words) == (4, "Throughput")
    assert figure.image.width == pytest.approx(4000000 / 914400 * 150, abs=12)


@needs_libreoffice
def test_odp_yields_the_same_text_notes_and_slides(odp: Path) -> None:
    extraction = extract_deck(odp, Options(ocr="off", dpi=72))
    assert "Clean the filter weekly." in passage_texts(extraction, "text")[0]
    assert passage_texts(extraction, "notes") == ["Mention the warranty."]
    assert [picture.page for picture in extraction.pictures if picture.kind == "slide"] == [1, 2]


def test_odp_is_read_without_libreoffice(odp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libreoffice, "find_libreoffice", lambda: None)
    extraction = extract_deck(odp)
    first = extraction.passages[0]
    assert first.text.splitlines()[0] == "Clean the filter weekly."
    assert first.heading == ("Title 1",)
    assert first.box is not None
    assert first.box[1] == pytest.approx(144, abs=1)
    assert passage_texts(extraction, "notes") == ["Mention the warranty."]
    assert [picture.page for picture in extraction.pictures] == [2]
    assert "hidden slides, kept and marked: 2" in extraction.report.notes


@needs_libreoffice
def test_deck_that_only_libreoffice_reads_yields_its_slides(tmp_path: Path) -> None:
    good, bad = write_deck(tmp_path / "good.pptx", add_bullets, add_bullets), tmp_path / "bad.pptx"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            # As in a renamed slide show (PPSX), which python-pptx refuses.
            target.writestr(
                entry, data.replace(b"presentationml.presentation.main+xml", b"presentationml.slideshow.main+xml")
            )
    extraction = extract_deck(bad, Options(ocr="off", dpi=72))
    assert extraction.report.pages == 2
    assert "Clean the filter weekly." in " ".join(passage_texts(extraction, "text"))
    assert any("LibreOffice" in note for note in extraction.report.notes)


def wmf(text: bytes) -> bytes:
    """Return a Windows metafile of 1000 x 500 units, 4 x 2 inches, with one line of text."""
    padded = text + bytes(len(text) % 2)
    records = [
        struct.pack("<IHhh", 5, 0x020B, 0, 0),  # window origin
        struct.pack("<IHhh", 5, 0x020C, 500, 1000),  # window extent
        struct.pack("<IHH", 5 + len(padded) // 2 - 1 + 2, 0x0521, len(text)) + padded + struct.pack("<hh", 200, 100),
        struct.pack("<IH", 3, 0),
    ]
    body = b"".join(records)
    header = struct.pack("<HHHIHIH", 1, 9, 0x300, 9 + len(body) // 2, 0, max(map(len, records)) // 2, 0)
    placed = struct.pack("<IHhhhhHI", 0x9AC6CDD7, 0, 0, 0, 1000, 500, 250, 0)
    check = 0
    for (word,) in struct.iter_unpack("<H", placed):
        check ^= word
    return placed + struct.pack("<H", check) + header + body
