"""The page cache: the same page is extracted once, and reused parts equal extracted ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extractors.layout.captions import Caption
from extractors.page import PageLayout
from extractors.pdf.extractor import extract
from extractors.pdf.page_extractor import PageContext, PageParts, extract_page
from extractors.pdf.render import pymupdf
from extractors.types import Extraction, Options, Source

MANUAL = Path(__file__).parents[3] / "data" / "manual.pdf"
FIRST_PAGES = 8


@pytest.fixture
def extracted_pages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the pages that are extracted during the test, in order."""
    numbers: list[int] = []

    def recording(page: object, layout: PageLayout, context: PageContext, carried: Sequence[Caption]) -> PageParts:
        numbers.append(layout.number)
        return extract_page(page, layout, context, carried)

    monkeypatch.setattr("extractors.pdf.page_cache.extract_page", recording)
    return numbers


@pytest.fixture
def manual(tmp_path: Path) -> Path:
    """The first pages of the sample manual."""
    return edited(MANUAL, tmp_path / "manual.pdf", lambda document: document.select(range(FIRST_PAGES)))


def edited(path: Path, target: Path, change: Callable[[Any], object]) -> Path:
    with pymupdf().open(path) as document:
        change(document)
        document.save(target)
    return target


def extraction(path: Path, folder: Path, *, reuse: bool = True, dpi: int = 150) -> Extraction:
    source = Source(path, path.as_uri(), path.name, "1", "application/pdf")
    return extract(source, Options(ocr="off", dpi=dpi, pages=folder / "pages" if reuse else None), folder / "pictures")


def content(extraction: Extraction) -> Extraction:
    """The extraction without the time it took."""
    return replace(extraction, report=replace(extraction.report, seconds={}))


def test_second_extraction_reuses_every_page(manual: Path, tmp_path: Path, extracted_pages: list[int]) -> None:
    first = extraction(manual, tmp_path)
    assert extracted_pages == list(range(1, FIRST_PAGES + 1))
    assert content(extraction(manual, tmp_path)) == content(first)
    assert len(extracted_pages) == FIRST_PAGES
    assert content(extraction(manual, tmp_path, reuse=False)) == content(first)


def test_pages_before_a_kill_are_reused(
    manual: Path, tmp_path: Path, extracted_pages: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(page: object, layout: PageLayout, context: PageContext, carried: Sequence[Caption]) -> PageParts:
        if layout.number == 5:
            raise KeyboardInterrupt
        extracted_pages.append(layout.number)
        return extract_page(page, layout, context, carried)

    with monkeypatch.context() as patch:
        patch.setattr("extractors.pdf.page_cache.extract_page", killed)
        with pytest.raises(KeyboardInterrupt):
            extraction(manual, tmp_path)
    resumed = extraction(manual, tmp_path)
    assert extracted_pages == list(range(1, FIRST_PAGES + 1))  # each once
    assert content(resumed) == content(extraction(manual, tmp_path, reuse=False))


def test_only_a_changed_page_is_extracted_again(manual: Path, tmp_path: Path, extracted_pages: list[int]) -> None:
    extraction(manual, tmp_path)
    extracted_pages.clear()
    new = edited(manual, tmp_path / "new.pdf", lambda pdf: pdf[3].insert_text((60, 760), "A late addition."))
    again = extraction(new, tmp_path)
    assert extracted_pages == [4]
    assert any("A late addition." in passage.text for passage in again.passages if passage.page == 4)
    assert content(again) == content(extraction(new, tmp_path, reuse=False))


def test_pages_that_moved_are_reused(manual: Path, tmp_path: Path, extracted_pages: list[int]) -> None:
    extraction(manual, tmp_path)
    extracted_pages.clear()
    new = edited(manual, tmp_path / "new.pdf", lambda pdf: pdf.new_page(0).insert_text((60, 100), "In front."))
    again = extraction(new, tmp_path)
    assert extracted_pages[0] == 1
    assert len(extracted_pages) <= 2  # a page with a caption carried over from the page before has a new key
    assert content(again) == content(extraction(new, tmp_path, reuse=False))


def test_pages_are_extracted_again_with_other_options(manual: Path, tmp_path: Path, extracted_pages: list[int]) -> None:
    extraction(manual, tmp_path)
    extraction(manual, tmp_path, dpi=200)
    assert len(extracted_pages) == 2 * FIRST_PAGES


def test_pages_are_extracted_again_when_their_entry_is_broken(
    manual: Path, tmp_path: Path, extracted_pages: list[int]
) -> None:
    first = extraction(manual, tmp_path)
    for entry in (tmp_path / "pages").glob("*/*.json"):
        entry.write_text(entry.read_text()[:-20])
    assert content(extraction(manual, tmp_path)) == content(first)
    assert len(extracted_pages) == 2 * FIRST_PAGES


def test_page_is_extracted_again_when_its_picture_is_missing(
    manual: Path, tmp_path: Path, extracted_pages: list[int]
) -> None:
    first = extraction(manual, tmp_path)
    shutil.rmtree(tmp_path / "pictures" / first.pictures[0].image.sha256[:2])
    assert content(extraction(manual, tmp_path)) == content(first)
    assert first.pictures[0].page in extracted_pages[FIRST_PAGES:]
