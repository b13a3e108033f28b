"""Documents whose files are gone are deleted, but never by mistake, and never many without confirmation."""

from __future__ import annotations

import re
import shlex
import zipfile
from pathlib import Path

import pytest

from diptych import Diptych
from diptych.settings import load_settings
from flows.runs.deletes import delete_removed
from tests.support.command_line import document_statuses, error_line, run_json, run_messages
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.papers import write_paper, write_rows


@pytest.fixture
def rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A catalogue of eight rows, in the store `s`."""
    path = write_rows(tmp_path / "pumps.jsonl", *range(1, 9))
    run_messages(capsys, "ingest", "pumps.jsonl", "--store", "s")
    return path


def test_only_documents_below_the_given_paths_are_deleted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in ("in/a.pdf", "in/b.pdf", "in-between/c.pdf", "top.pdf"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        write_paper(tmp_path / place, f"The paper {place}.")
    run_messages(capsys, "ingest", "in", "in-between", "top.pdf", "--store", "s")
    for place in ("in/a.pdf", "in-between/c.pdf", "top.pdf"):
        (tmp_path / place).unlink()
    messages = run_messages(capsys, "ingest", "in", "--store", "s")
    assert messages == ["deleted    in/a.pdf: its file is gone", "1 document: 1 unchanged; 1 deleted"]
    assert set(document_statuses(capsys, "s")) == {"in/b.pdf", "in-between/c.pdf", "top.pdf"}


def test_removed_row_is_deleted(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(rows, *range(1, 7))  # a quarter of them is gone: not too many
    printed = run_json(capsys, "ingest", "pumps.jsonl", "--store", "s")
    assert [line["name"] for line in printed if line["status"] == "deleted"] == ["pumps.jsonl#7", "pumps.jsonl#8"]
    assert len(document_statuses(capsys, "s")) == 6


def test_more_than_a_quarter_is_deleted_after_confirmation(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(rows, *range(1, 6))
    printed = run_json(capsys, "ingest", "pumps.jsonl", "--store", "s", code=3)
    assert len([line for line in printed if line["status"] == "gone"]) == 3
    *_, note, last = run_messages(capsys, "ingest", "pumps.jsonl", "--store", "s", code=3)
    assert "3 of 8 documents are gone" in note
    assert last == "5 documents: 5 unchanged; 3 gone, not deleted"
    assert len(document_statuses(capsys, "s")) == 8
    (command,) = re.findall("`diptych (.*?)`", note)
    run_messages(capsys, *shlex.split(command))
    assert len(document_statuses(capsys, "s")) == 5


def test_renamed_folder_needs_no_confirmation_and_encodes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in" / "old").mkdir(parents=True)
    for name in ("a.pdf", "b.pdf", "c.pdf"):
        write_paper(tmp_path / "in" / "old" / name, f"The paper {name}.")
    run_messages(capsys, "ingest", "in", "--store", "s")
    (tmp_path / "in" / "old").rename(tmp_path / "in" / "new")
    printed = run_json(capsys, "ingest", "in", "--store", "s")
    assert [line["encoded"] for line in printed if line["status"] == "complete"] == [0, 0, 0]
    assert set(document_statuses(capsys, "s")) == {"in/new/a.pdf", "in/new/b.pdf", "in/new/c.pdf"}
    (tmp_path / "in" / "new" / "a.pdf").rename(tmp_path / "in" / "d.pdf")
    assert "moved      in/new/a.pdf: is now in/d.pdf" in run_messages(capsys, "ingest", "in", "--store", "s")


def test_new_documents_do_not_hide_a_loss(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(rows, *range(5, 40))
    run_messages(capsys, "ingest", "pumps.jsonl", "--store", "s", code=3)
    assert len(document_statuses(capsys, "s")) == 39


def test_missing_or_empty_path_deletes_nothing(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows.write_text("")
    error_line(capsys, "ingest", "pumps.jsonl", "--confirm-deletes", "--store", "s")
    rows.unlink()
    for place in ("pumps.jsonl", "."):
        error_line(capsys, "ingest", place, "--confirm-deletes", "--store", "s")
    assert len(document_statuses(capsys, "s")) == 8


def test_documents_of_an_unreadable_folder_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    closed = tmp_path / "papers" / "closed"
    closed.mkdir(parents=True)
    for path in (tmp_path / "papers" / "a.pdf", closed / "b.pdf", closed / "c.pdf"):
        write_paper(path, f"The paper {path.name}.")
    run_messages(capsys, "ingest", "papers", "--store", "s")
    closed.rename(tmp_path / "aside")
    closed.symlink_to(closed)  # a loop cannot be opened, whatever the user's rights
    messages = run_messages(capsys, "ingest", "papers", "--confirm-deletes", "--store", "s")
    assert messages[-1] == "nothing changed: 1 document as before"
    assert set(document_statuses(capsys, "s")) == {"papers/a.pdf", "papers/closed/b.pdf", "papers/closed/c.pdf"}


def test_renamed_file_reuses_its_vectors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    write_paper(tmp_path / "in" / "old.pdf", "The pump is greased once a year.")
    run_messages(capsys, "ingest", "in", "--store", "s")
    (tmp_path / "in" / "old.pdf").rename(tmp_path / "in" / "new.pdf")
    new, old = run_json(capsys, "ingest", "in", "--store", "s")
    assert (new["name"], new["status"], new["passages"], new["encoded"]) == ("in/new.pdf", "complete", 1, 0)
    assert (old["name"], old["status"]) == ("in/old.pdf", "deleted")
    assert {hit["document"] for hit in run_json(capsys, "query", "pump", "--store", "s")} == {"in/new.pdf"}


def test_file_that_returns_during_the_run_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.pdf", "b.pdf"):
        write_paper(tmp_path / "in" / name, f"The paper {name}.")
    run_messages(capsys, "ingest", "in", "--store", "s")
    (tmp_path / "in" / "b.pdf").unlink()
    with Diptych.open(load_settings("s")) as diptych:
        found = diptych.maintenance.find_sources(["in"]).sources
        before = diptych.maintenance.find_removed(["in"], found)
        assert [record.name for record in before.documents] == ["in/b.pdf"]
        write_paper(tmp_path / "in" / "b.pdf", "Back again.")
        assert delete_removed(diptych, ["in"], found, before, confirmed=False).deleted == ()
    assert set(document_statuses(capsys, "s")) == {"in/a.pdf", "in/b.pdf"}


def test_damaged_archive_and_catalogue_fail_the_run_and_the_notes_name_the_damage(
    tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a.txt", "The green valve leaks.")
    run_messages(capsys, "ingest", "a.zip", "pumps.jsonl", "--store", "s")
    before, good = document_statuses(capsys, "s"), archive.read_bytes()
    archive.write_bytes(good[:40])
    rows.write_bytes(b"\x00\x01")
    said = run_messages(capsys, "ingest", ".", "--store", "s", code=4)
    assert sorted(line[:40] for line in said if line.startswith("failed")) == [
        "failed     a.zip: no complete archive (F", "failed     pumps.jsonl: has no row that ",
    ]  # fmt: skip
    archive_note, rows_note = [line for line in said if line.startswith("note")]
    assert "kept: a.zip#a.txt; a.zip: no complete archive" in archive_note
    assert "pumps.jsonl#3 and 5 more; pumps.jsonl: has no row that is JSON" in rows_note
    assert before.items() < document_statuses(capsys, "s").items()
    failed = run_json(capsys, "status", "--failed", "--store", "s")
    assert [line["name"] for line in failed] == ["a.zip", "pumps.jsonl"]
    archive.write_bytes(good)
    write_rows(rows, *range(1, 9))
    said = run_messages(capsys, "ingest", ".", "--store", "s")
    assert "deleted    a.zip: its file is gone or can be read again" in said
    assert document_statuses(capsys, "s") == before


def test_one_damaged_row_is_a_note_even_the_first(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows.write_text("{broken\n" + rows.read_text())
    said = run_messages(capsys, "ingest", ".", "--store", "s")
    assert "left out   pumps.jsonl: row 1 is not a JSON object and was left out" in said


def test_rows_of_a_deleted_catalogue_say_so_and_long_lists_say_how_many_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "other.txt").write_text("The pump hums.")
    rows = write_rows(tmp_path / "shop" / "pumps.jsonl", *range(1, 17))
    run_messages(capsys, "ingest", ".", "--store", "s")
    rows.unlink()
    said = run_messages(capsys, "ingest", ".", "--store", "s", code=3)
    gone = [line for line in said if line.startswith("gone")]
    assert gone[0] == "gone       shop/pumps.jsonl#1: pumps.jsonl is gone"
    assert len(gone) == 10
    assert "           and 6 more" in said
