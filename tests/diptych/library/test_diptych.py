"""`Diptych` on real files, with real worker processes and the real encoder."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from docx import Document
from openpyxl import Workbook

from diptych import Diptych, Query, Settings
from diptych.errors import DiptychError, QueryError, StoreError
from diptych.where import parse_where
from tests.support.papers import write_paper

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short papers."""
    made = tmp_path_factory.mktemp("papers")
    write_paper(made / "pumps.pdf", "The red pump moves ninety litres a minute.")
    write_paper(made / "cats.pdf", "A cat sleeps for sixteen hours a day.")
    return made


@pytest.fixture(scope="module")
def library(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diptych]:
    with Diptych.open(Settings(store=str(tmp_path_factory.mktemp("store")), root=folder)) as opened:
        opened.ingest([folder])
        yield opened


def test_search_returns_the_nearest_passage_first(library: Diptych) -> None:
    assert library.search("how long do felines rest", limit=1)[0].document == "cats.pdf"
    assert library.search(Query("minute", where=parse_where('document = "pumps.pdf"')))[0].document == "pumps.pdf"


def test_a_filter_may_be_a_string(library: Diptych) -> None:
    only_pumps = 'document = "pumps.pdf"'
    (hit, *others) = library.search(Query("sleep", where=only_pumps))
    assert {one.document for one in (hit, *others)} == {"pumps.pdf"}
    assert Query("sleep", where=only_pumps) == Query("sleep", where=parse_where(only_pumps))
    assert {one.document for one in library.like(hit.id, where='document = "cats.pdf"')} == {"cats.pdf"}
    assert {part.document for part in library.parts(None, only_pumps)} == {"pumps.pdf"}
    assert Query("sleep", where=" ").where is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda library: library.search(Query("cat", where=cast(str, {"price": 50}))),
            "a filter must be a string such as",
        ),
        (lambda library: library.search(Query("cat", where="price <")), "filter, column 8: expected a number"),
        (lambda library: library.like("1", where=5), "a filter must be a string such as 'price < 200', not 5"),
        (lambda library: library.search(None), "the text of a query must be a string, not None"),
        (lambda library: library.search("cat", limit=0), "limit must be a whole number of at least 1, not 0"),
        (lambda library: library.search("cat", limit="3"), "limit must be a whole number of at least 1, not '3'"),
        (lambda library: library.search("cat", offset=-1), "offset must be a whole number of at least 0, not -1"),
        (lambda library: library.search_groups("cat", each=0), "each must be a whole number of at least 1"),
        (lambda library: library.like("1", "3"), "limit must be a whole number of at least 1, not '3'"),
        (lambda library: library.delete("cats.pdf"), r"names are given as a list, also a single one: \['cats.pdf'\]"),
        (lambda library: library.maintenance.acknowledge("x"), "x: names are given as a list"),
        (lambda library: library.ingest("/papers"), r"/papers: paths are given as a list.*: \['/papers'\]"),
        (lambda library: library.estimate(Path("/papers")), "/papers: paths are given as a list"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(
    library: Diptych, call: Callable[[Any], object], message: str
) -> None:
    with pytest.raises(DiptychError, match=message):
        call(library)


def test_unchanged_documents_are_not_processed_again(library: Diptych, folder: Path) -> None:
    assert {outcome.status for outcome in library.ingest([folder])} == {"unchanged"}


def test_deleted_documents_are_no_longer_found(library: Diptych, folder: Path) -> None:
    assert [record.name for record in library.delete(["cats.pdf"])] == ["cats.pdf"]
    assert {hit.document for hit in library.search("the cat")} == {"pumps.pdf"}
    with pytest.raises(QueryError, match=r"cats\.pdf: no such document in the store"):
        library.delete(["cats.pdf"])
    library.ingest([folder])
    assert library.search("cat")[0].document == "cats.pdf"


def test_blank_files_are_complete_with_a_note_and_files_without_a_byte_fail(tmp_path: Path) -> None:
    folder = tmp_path / "blank"
    folder.mkdir()
    blank = {"a.txt": " \n \n", "a.md": "\n", "a.html": "\n", "b.html": "<html><body></body></html>", "a.csv": "\n\n"}
    blank |= {"a.rst": "\n", "a.rtf": "{\\rtf1 }", "a.eml": "Subject:\n\n", "a.ipynb": '{"cells": [], "nbformat": 4}'}
    for name, text in blank.items():
        (folder / name).write_text(text)
    Document().save(folder / "a.docx")
    Workbook().save(folder / "a.xlsx")
    missing = {"zero.txt", "zero.md", "zero.html", "zero.csv", "zero.docx", "zero.pdf"}
    for name in missing:
        (folder / name).touch()
    with Diptych.open(Settings(store=str(tmp_path / "store"), root=folder, ocr="off", workers=1)) as opened:
        found = {outcome.name: outcome for outcome in opened.ingest([folder])}
    complete = {name for name, outcome in found.items() if outcome.status == "complete"}
    assert complete == {*blank, "a.docx", "a.xlsx"}
    assert {found[name].notes[-1] for name in complete} == {"contains neither text nor pictures"}
    for name in missing:
        assert found[name].error == f"{name}: is empty; copy or download it again"


def test_find_removed_lists_documents_whose_files_are_gone(library: Diptych, folder: Path) -> None:
    write_paper(folder / "late.pdf", "A passing thought.")
    library.ingest([folder])
    (folder / "late.pdf").unlink()
    found = library.maintenance.find_removed([folder], library.maintenance.find_sources([folder]).sources)
    assert [record.name for record in found.documents] == ["late.pdf"]
    library.maintenance.remove(found.documents)
    assert [record.name for record in library.documents()] == ["cats.pdf", "pumps.pdf"]


def test_an_export_can_be_imported_into_another_store(library: Diptych, tmp_path: Path) -> None:
    moved = library.maintenance.export_to(tmp_path / "export")
    with Diptych.open(Settings(store=str(tmp_path / "copy"))) as copy:
        assert copy.maintenance.import_from(tmp_path / "export") == moved
        asked = ("cat", "litres a minute")
        assert [copy.search(q)[0].id for q in asked] == [library.search(q)[0].id for q in asked]


def test_reindex_switches_the_store_to_another_encoder(folder: Path, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    with Diptych.open(Settings(store=store)) as first:
        first.ingest([folder])
    with Diptych.open(Settings(store=store, encoder="minilm:fp32", root=folder)) as other:
        with pytest.raises(StoreError, match="diptych reindex"):
            other.search("cat")
        assert other.maintenance.reindex() > 0
        assert other.search("cat")[0].document == "cats.pdf"
        assert {outcome.status for outcome in other.ingest([folder])} == {"unchanged"}


def test_searching_a_missing_store_raises(tmp_path: Path) -> None:
    with Diptych.open(Settings(store=str(tmp_path / "none"))) as opened, pytest.raises(StoreError, match="no store at"):
        opened.search("cat")


def test_the_readme_example_runs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(from diptych import Diptych,.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    shutil.copytree(folder, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert "cats.pdf complete" in capsys.readouterr().out
