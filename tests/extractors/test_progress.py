"""Pages that are skipped because an earlier attempt gave them up."""

from __future__ import annotations

from pathlib import Path

from extractors.pdf.extractor import extract
from extractors.pdf.render import pymupdf
from extractors.progress import MAX_SKIPPED_PAGES, readable_pages
from extractors.types import Options, Problem, Source

TEXTS = ("Clean the filter weekly.", "Close the red valve first.", "Order spare parts early.", "Store it dry.")


def test_skipped_pages_are_problems_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "manual.pdf"
    with pymupdf().open() as document:
        for text in TEXTS:
            document.new_page().insert_text((72, 300), text)
        document.save(path)
    source = Source(path, path.as_uri(), path.name, "", "", skipped_pages={2: "too slow"})
    extraction = extract(source, Options(page_images="none", ocr="off"), tmp_path / "pictures")
    assert [(passage.page, passage.text) for passage in extraction.passages] == [
        (page, text) for page, text in enumerate(TEXTS, 1) if page != 2
    ]
    assert extraction.report.pages == len(TEXTS)
    assert extraction.report.problems == (Problem("too slow", 2),)


def test_rest_of_a_document_is_given_up_after_several_pages() -> None:
    skipped = dict.fromkeys(range(3, 3 + MAX_SKIPPED_PAGES), "too slow")
    problems: list[Problem] = []
    assert list(readable_pages(range(1, 301), skipped, problems)) == [1, 2]
    assert [problem.page for problem in problems] == [*skipped, None]
    assert problems[-1].reason.startswith("pages 8 to 300 were not read, because 5 pages")
