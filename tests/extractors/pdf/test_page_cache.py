"""A page that comes again is not taken apart again, and gives the very same parts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from extractors.page import PageLayout
from extractors.pdf import extractor as pdf
from extractors.pdf import page_parts as pagewise
from extractors.pdf.render import pymupdf
from extractors.types import Extraction, Options, Source

ROOT = Path(__file__).parents[3]
MANUAL = ROOT / "data" / "manual.pdf"


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the pages that were taken apart, in order."""
    numbers: list[int] = []
    original: Callable[..., pagewise.PageParts] = pagewise.work

    def work(page: object, layout: PageLayout, desk: pagewise.Desk, carried: object) -> pagewise.PageParts:
        numbers.append(layout.number)
        return original(page, layout, desk, carried)

    monkeypatch.setattr(pagewise, "work", work)
    return numbers


def extract(path: Path, folder: Path, *, reuse: bool = True) -> Extraction:
    source = Source(path, path.as_uri(), path.name, "1", "application/pdf")
    return pdf.extract(source, Options(ocr="off", pages=folder / "pages" if reuse else None), folder)


def same(one: Extraction, other: Extraction) -> bool:
    reports = replace(one.report, seconds={}) == replace(other.report, seconds={})
    return (one.passages, one.pictures, one.title, reports) == (other.passages, other.pictures, other.title, True)


def edited(path: Path, change: Callable[[object], None]) -> Path:
    with pymupdf().open(MANUAL) as document:
        change(document)
        document.save(path)
    return path


def test_a_second_reading_takes_no_page_apart(tmp_path: Path, worked: list[int]) -> None:
    first = extract(MANUAL, tmp_path)
    assert worked == list(range(1, 13))
    assert same(extract(MANUAL, tmp_path), first)
    assert len(worked) == 12
    assert same(extract(MANUAL, tmp_path, reuse=False), first)


def test_a_changed_page_costs_that_page(tmp_path: Path, worked: list[int]) -> None:
    extract(MANUAL, tmp_path)
    worked.clear()
    new = edited(tmp_path / "new.pdf", lambda d: d[4].insert_text((60, 760), "A late addition."))  # type: ignore[index]
    again = extract(new, tmp_path)
    assert worked == [5]
    assert any("A late addition." in passage.text for passage in again.passages if passage.page == 5)
    assert same(again, extract(new, tmp_path, reuse=False))


def test_a_page_put_in_front_moves_the_others_untouched(tmp_path: Path, worked: list[int]) -> None:
    extract(MANUAL, tmp_path)
    worked.clear()
    new = edited(tmp_path / "new.pdf", lambda d: d.new_page(0).insert_text((60, 100), "In front."))  # type: ignore[attr-defined]
    again = extract(new, tmp_path)
    assert worked[0] == 1
    assert len(worked) <= 2  # a page whose caption looked back to the one before may be asked again
    assert same(again, extract(new, tmp_path, reuse=False))


def test_other_options_are_another_reading(tmp_path: Path, worked: list[int]) -> None:
    extract(MANUAL, tmp_path)
    source = Source(MANUAL, MANUAL.as_uri(), MANUAL.name, "1", "application/pdf")
    pdf.extract(source, Options(ocr="off", dpi=200, pages=tmp_path / "pages"), tmp_path)
    assert len(worked) == 24


def test_a_lost_picture_or_a_broken_note_is_made_anew(tmp_path: Path, worked: list[int]) -> None:
    first = extract(MANUAL, tmp_path)
    shutil.rmtree(tmp_path / first.pictures[0].image.sha256[:2])
    for kept in (tmp_path / "pages").glob("*/*.json"):
        kept.write_text(kept.read_text()[:-20])
    assert same(extract(MANUAL, tmp_path), first)
    assert len(worked) == 24
