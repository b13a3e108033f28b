"""The library object over real files, the real worker processes, the real encoder."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from diptych import Diptych, Query, Settings
from diptych.errors import QueryError, StoreError
from diptych.where import parse
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
    with Diptych.open(Settings(store=str(tmp_path_factory.mktemp("store")))) as opened:
        opened.ingest([folder])
        yield opened


def test_the_nearest_passage_comes_first(library: Diptych) -> None:
    assert library.search("how long do felines rest", limit=1)[0].document == "cats.pdf"
    assert library.search(Query("minute", where=parse('document = "pumps.pdf"')))[0].document == "pumps.pdf"


def test_nothing_changed_nothing_done(library: Diptych, folder: Path) -> None:
    assert {outcome.status for outcome in library.ingest([folder])} == {"unchanged"}


def test_a_deleted_document_is_found_no_more(library: Diptych, folder: Path) -> None:
    assert [record.name for record in library.delete(["cats.pdf"])] == ["cats.pdf"]
    assert {hit.document for hit in library.search("cat")} == {"pumps.pdf"}
    with pytest.raises(QueryError, match=r"cats\.pdf: the store has no such document"):
        library.delete(["cats.pdf"])
    library.ingest([folder])
    assert library.search("cat")[0].document == "cats.pdf"


def test_a_file_that_went_away_is_gone(library: Diptych, folder: Path) -> None:
    write_paper(folder / "late.pdf", "A passing thought.")
    library.ingest([folder])
    (folder / "late.pdf").unlink()
    found = library.gone([folder], library.sources([folder]).sources)
    assert [record.name for record in found.documents] == ["late.pdf"]
    library.remove(found.documents)
    assert [record.name for record in library.documents()] == ["cats.pdf", "pumps.pdf"]


def test_a_store_goes_through_files_into_another(library: Diptych, tmp_path: Path) -> None:
    moved = library.export(tmp_path / "export")
    with Diptych.open(Settings(store=str(tmp_path / "copy"))) as copy:
        assert copy.import_from(tmp_path / "export") == moved
        asked = ("cat", "litres a minute")
        assert [copy.search(q)[0].id for q in asked] == [library.search(q)[0].id for q in asked]


def test_reindex_for_another_encoder_switches_the_store(folder: Path, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    with Diptych.open(Settings(store=store)) as first:
        first.ingest([folder])
    with Diptych.open(Settings(store=store, encoder="minilm:fp32")) as other:
        with pytest.raises(StoreError, match="diptych reindex"):
            other.search("cat")
        assert other.reindex() > 0
        assert other.search("cat")[0].document == "cats.pdf"
        assert {outcome.status for outcome in other.ingest([folder])} == {"unchanged"}


def test_a_store_that_is_not_there_is_told(tmp_path: Path) -> None:
    with Diptych.open(Settings(store=str(tmp_path / "none"))) as opened, pytest.raises(StoreError, match="no store at"):
        opened.search("cat")


def test_the_readme_example_runs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    shutil.copytree(folder, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert "cats.pdf complete" in capsys.readouterr().out
