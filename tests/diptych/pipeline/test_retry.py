"""Choose documents to try again, and find them at their registered addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from diptych.pipeline.discovery.sources import find_sources
from diptych.pipeline.retry import documents_to_retry, find_retry_sources
from diptych.store.register import DocumentRecord


def record(name: str, uri: str = "", **fields: object) -> DocumentRecord:
    return DocumentRecord(id=name, uri=uri or f"file:///{name}", name=name, **fields)  # type: ignore[arg-type]


DOCUMENTS = [
    record("complete.pdf"),
    record("partial.pdf", status="partial"),
    record("transient.pdf", status="failed", transient=True),
    record("permanent.pdf", status="failed"),
]


@pytest.mark.parametrize(
    ("everything", "names"),
    [(False, ["transient.pdf"]), (True, ["partial.pdf", "transient.pdf", "permanent.pdf"])],
)
def test_only_transient_failures_are_retried_unless_everything_is(everything: bool, names: list[str]) -> None:
    assert [document.name for document in documents_to_retry(DOCUMENTS, everything=everything)] == names


def test_sources_keep_the_name_of_their_document(tmp_path: Path) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(b"x")
    sources, unavailable = find_retry_sources([record("papers/a.pdf", file.as_uri())], find_sources)
    assert [(source.path, source.name) for source in sources] == [(file, "papers/a.pdf")]
    assert unavailable == []


def test_missing_files_and_rows_are_unavailable(tmp_path: Path) -> None:
    catalogue = tmp_path / "shop.csv"
    catalogue.write_text("sku,image,description\nA1,,A red one\n")
    missing = record("gone.pdf", (tmp_path / "gone.pdf").as_uri())
    row, removed = (record(f"shop.csv#{sku}", f"{catalogue.as_uri()}#{sku}") for sku in ("A1", "A2"))
    sources, unavailable = find_retry_sources([missing, row, removed], find_sources)
    assert [source.name for source in sources] == ["shop.csv#A1"]
    assert [(document.name, reason.rpartition(": ")[2]) for document, reason in unavailable] == [
        ("gone.pdf", "no such file or folder; check the path"),
        ("shop.csv#A2", "the row was removed from its catalogue"),
    ]
