"""Pure parts of the flows: what is chosen, dealt out, counted and printed."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pytest

from diptych.pipeline.ingest import Outcome
from diptych.store.register import DocumentRecord
from extractors.types import Problem, Source
from flows.support import batching as selection
from flows.support import ingest_report as report
from flows.support.removed_documents import Departures
from flows.support.shell import command
from flows.support.terminal import json_line, one_line, plain


def outcome(name: str, status: str = "complete", **more: object) -> Outcome:
    return Outcome(f"file:///{name}", name, status, **more)  # type: ignore[arg-type]


def sources(folder: Path, sizes: dict[str, int]) -> list[Source]:
    found = []
    for name, size in sizes.items():
        path = folder / name
        path.write_bytes(b"x" * size)
        found.append(Source(path, path.as_uri(), name, name, "application/pdf"))
    return found


def test_large_documents_have_a_task_of_their_own_and_small_ones_share(tmp_path: Path) -> None:
    small = {f"{number}.png": 10 for number in range(30)}
    dealt = selection.batches(sources(tmp_path, {"book.pdf": 300_000, **small, "atlas.pdf": 300_000}))
    assert [len(batch) for batch in dealt] == [1, 1, 25, 5]
    assert [batch[0].name for batch in dealt[:2]] == ["book.pdf", "atlas.pdf"]


def test_a_handful_of_small_documents_keep_their_names(tmp_path: Path) -> None:
    dealt = selection.batches(sources(tmp_path, {"a.png": 1, "b.png": 1, "c.pdf": 300_000}))
    assert sorted(batch[0].name for batch in dealt) == ["a.png", "b.png", "c.pdf"]


def test_a_run_never_has_more_tasks_than_the_server_likes(tmp_path: Path) -> None:
    path = tmp_path / "book.pdf"
    path.write_bytes(b"x" * 300_000)
    many = [Source(path, f"file:///{n}", str(n), str(n), "application/pdf") for n in range(1300)]
    dealt = selection.batches(many)
    assert len(dealt) <= selection.TASKS
    assert [source for batch in dealt for source in batch] == many


def test_changed_since_counts_from_the_start_of_the_day(tmp_path: Path) -> None:
    old, new = sources(tmp_path, {"old.pdf": 1, "new.pdf": 1})
    os.utime(old.path, (0, 0))
    assert selection.changed_since([old, new], date(2020, 1, 1)) == [new]
    assert selection.changed_since([old, new], None) == [old, new]
    assert selection.changed_since([old, new], date(1969, 12, 1)) == [old, new]


def test_the_exit_code_tells_partial_from_failed() -> None:
    problem = (Problem("page 3 is unreadable", 3),)
    assert report.exit_code([outcome("a"), outcome("b", "unchanged")]) == 0
    assert report.exit_code([outcome("a"), outcome("b", "partial", problems=problem)]) == 3
    assert report.exit_code([outcome("b", "unchanged", problems=problem)]) == 3
    assert report.exit_code([outcome("b", "partial", problems=problem), outcome("c", "failed")]) == 4


def test_deletes_that_wait_make_a_run_partial_and_are_counted() -> None:
    records = tuple(DocumentRecord(name, f"file:///{name}", name) for name in ("a.pdf", "b.csv#1"))
    kept, deleted = Departures(kept=records, covered=4, confirm="diptych ingest x"), Departures(deleted=records)
    as_before = [outcome("c", "unchanged")]
    assert [report.exit_code(as_before, one) for one in (kept, deleted)] == [3, 0]
    assert report.exit_code([outcome("c", "failed")], kept) == 4
    assert report.sentence(as_before, kept) == "1 document: 1 unchanged; 2 gone, not deleted"
    assert report.sentence([], deleted) == "0 documents: none; 2 deleted"
    assert list(report.departed(deleted)) == [
        "deleted    a.pdf: its file is gone",
        "deleted    b.csv#1: its catalogue has that row no more",
    ]
    assert "- `a.pdf: its file is gone`" in report.markdown(as_before, [], "s", kept)


def test_a_command_to_copy_is_quoted_and_names_the_store_that_is_not_the_usual_one() -> None:
    assert command("delete", "a b.pdf", store="my store") == "diptych delete 'a b.pdf' --store 'my store'"
    assert command("sweep", store=".diptych") == "diptych sweep"


def test_sentences_count_what_was_done() -> None:
    assert report.sentence([]) == "0 documents: none"
    assert report.sentence([outcome("a", "unchanged")] * 2) == "nothing changed: 2 documents as before"
    done = [outcome("a", pages=2, passages=5, pictures=1), outcome("b", "unchanged", pages=9), outcome("c", "failed")]
    assert report.sentence(done) == "3 documents: 1 complete, 1 failed, 1 unchanged; 2 pages, 5 passages, 1 picture"


def test_the_report_page_lists_what_is_missing_and_keeps_markup_out() -> None:
    outcomes = [
        outcome("a.pdf", "failed", error="a.pdf: `[click](http://x)` is encrypted"),
        outcome("b.pdf", "partial", problems=(Problem("cannot be drawn", 7),)),
    ]
    page = report.markdown(outcomes, ["notes.txt: no extractor reads .txt files"], "library")
    assert "- `a.pdf: '[click](http://x)' is encrypted`" in page
    assert "- `b.pdf, page 7: cannot be drawn`" in page
    assert "- `notes.txt: no extractor reads .txt files`" in page


def test_rows_put_first_what_needs_a_person() -> None:
    many = [outcome(f"{n}.pdf", "unchanged") for n in range(10)]
    rows = report.rows([*many, outcome("z.pdf", "failed", error="broken")], limit=3)
    assert [row["document"] for row in rows] == ["z.pdf", "0.pdf", "1.pdf"]
    assert rows[0]["missing"] == "broken"


@pytest.mark.parametrize("character", ["\x1b", "\x07", "\r", "\x08", "\x9b", "\u202e", "\u2066", "\ud800"])
def test_no_character_that_a_terminal_obeys_is_printed(character: str) -> None:
    assert character not in plain(f"a{character}b")
    assert character not in json_line({"text": f"a{character}b"})
    assert json.loads(json_line({"text": f"a{character}b"}))["text"] == f"a{character}b"


def test_other_scripts_stay_readable() -> None:
    assert json_line({"text": "图 5 – Größe"}) == '{"text": "图 5 – Größe"}'
    assert plain("tab\tand\nnewline") == "tab\tand\nnewline"


def test_one_line_cuts_at_a_word() -> None:
    assert one_line("one\n two  three", 9) == "one two…"
