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
FIRST_PAGES = 7  # and one more page changes no limit of what counts as furniture


@pytest.fixture
def extracted_pages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the pages that are extracted during the test, in order."""
    numbers: list[int] = []

    def recording(page: object, layout: PageLayout, context: PageContext, carried: Sequence[Caption]) -> PageParts:
        numbers.append(layout.number)
        return extract_page(page, layout, context, carried)

    monkeypatch.setattr("extractors.pdf.page_cache.extract_page", recording)
    return numbers


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first pages of the sample manual."""
    folder = tmp_path_factory.mktemp("manual")
    return edited(MANUAL, folder / "manual.pdf", lambda document: document.select(range(FIRST_PAGES)))


@pytest.fixture(scope="module")
def first(manual: Path) -> Extraction:
    """The first extraction of the manual."""
    return extraction(manual, manual.parent)


@pytest.fixture
def folder(manual: Path, first: Extraction, tmp_path: Path, extracted_pages: list[int]) -> Path:
    """A copy of what the first extraction left."""
    shutil.copytree(manual.parent, tmp_path / "copy")
    extracted_pages.clear()
    return tmp_path / "copy"


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


def test_second_extraction_reuses_every_page(
    manual: Path, first: Extraction, folder: Path, extracted_pages: list[int]
) -> None:
    assert content(extraction(manual, folder)) == content(first)
    assert extracted_pages == []


def test_first_extraction_is_as_without_a_cache(
    manual: Path, first: Extraction, tmp_path: Path, extracted_pages: list[int]
) -> None:
    assert content(extraction(manual, tmp_path, reuse=False)) == content(first)
    assert extracted_pages == list(range(1, FIRST_PAGES + 1))


def test_pages_before_a_kill_are_reused(
    manual: Path, first: Extraction, tmp_path: Path, extracted_pages: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(page: object, layout: PageLayout, context: PageContext, carried: Sequence[Caption]) -> PageParts:
        if layout.number == 3:
            raise KeyboardInterrupt
        extracted_pages.append(layout.number)
        return extract_page(page, layout, context, carried)

    with monkeypatch.context() as patch:
        patch.setattr("extractors.pdf.page_cache.extract_page", killed)
        with pytest.raises(KeyboardInterrupt):
            extraction(manual, tmp_path)
    assert content(extraction(manual, tmp_path)) == content(first)
    assert extracted_pages == list(range(1, FIRST_PAGES + 1))  # each once


def test_only_a_changed_page_is_extracted_again(manual: Path, folder: Path, extracted_pages: list[int]) -> None:
    new = edited(manual, folder / "new.pdf", lambda pdf: pdf[3].insert_text((60, 760), "A late addition."))
    again = extraction(new, folder)
    assert extracted_pages == [4]
    assert any("A late addition." in passage.text for passage in again.passages if passage.page == 4)
    assert content(again) == content(extraction(new, folder, reuse=False))


def test_pages_that_moved_are_reused(manual: Path, folder: Path, extracted_pages: list[int]) -> None:
    new = edited(manual, folder / "new.pdf", lambda pdf: pdf.new_page(0).insert_text((60, 100), "In front."))
    again = extraction(new, folder)
    assert extracted_pages[0] == 1
    assert len(extracted_pages) < FIRST_PAGES  # a page whose captions or headings are carried over has a new key
    assert content(again) == content(extraction(new, folder, reuse=False))


def test_pages_are_extracted_again_with_other_options(manual: Path, folder: Path, extracted_pages: list[int]) -> None:
    extraction(manual, folder, dpi=50)
    assert len(extracted_pages) == FIRST_PAGES


def test_pages_are_extracted_again_when_their_entry_is_broken(
    manual: Path, first: Extraction, folder: Path, extracted_pages: list[int]
) -> None:
    for entry in (folder / "pages").glob("*/*.json"):
        entry.write_text(entry.read_text()[:-20])
    assert content(extraction(manual, folder)) == content(first)
    assert len(extracted_pages) == FIRST_PAGES


def test_page_is_extracted_again_when_its_picture_is_missing(
    manual: Path, first: Extraction, folder: Path, extracted_pages: list[int]
) -> None:
    shutil.rmtree(folder / "pictures" / first.pictures[0].image.sha256[:2])
    assert content(extraction(manual, folder)) == content(first)
    assert first.pictures[0].page in extracted_pages
