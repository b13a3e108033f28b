"""The report of a run over documents: exit code, summary, table rows and Markdown page."""

from __future__ import annotations

from diptych.pipeline.discovery.skipped_files import SkippedFile
from diptych.pipeline.ingest import Outcome
from diptych.store.points import document_id
from diptych.store.register import DocumentRecord
from extractors.types import Problem
from flows.output.ingest_report import MAX_ROWS, NO_CONTACT_SHEETS, IngestReport
from flows.output.removals import Removals

UNREADABLE_PAGE = (Problem("page 3 is unreadable", 3),)


def outcome(name: str, status: str = "complete", **more: object) -> Outcome:
    return Outcome(f"file:///{name}", name, status, **more)  # type: ignore[arg-type]


def test_exit_code_distinguishes_partial_from_failed() -> None:
    complete, failed = outcome("a"), outcome("c", "failed")
    partial = outcome("b", "partial", problems=UNREADABLE_PAGE)
    still_partial = outcome("b", "unchanged", problems=UNREADABLE_PAGE)
    assert IngestReport([complete, outcome("b", "unchanged")]).exit_code == 0
    assert IngestReport([complete, partial]).exit_code == 3
    assert IngestReport([still_partial]).exit_code == 3
    assert IngestReport([partial, failed]).exit_code == 4


def test_place_that_does_not_answer_fails_the_run_and_is_named() -> None:
    down = [SkippedFile(name, "cannot be reached", unreachable=True) for name in ("s3://a", "s3://b")]
    other = SkippedFile("/reports/plan.dwg", "no extractor reads .dwg files")
    report = IngestReport([outcome("a", "unchanged")], skipped=[other, *down])
    assert (report.status, report.exit_code) == ("failed", 4)
    assert report.summary == "nothing changed: 1 document as before; not read: s3://a and 1 more"
    assert IngestReport([outcome("a", "unchanged")], skipped=[other]).exit_code == 0


def test_unconfirmed_removals_make_a_run_partial_and_are_counted() -> None:
    names = ("a.pdf", "b.csv#1", "mixed.zip#docs/c.pdf")
    records = tuple(DocumentRecord(name, f"file:///{name}", name) for name in names)
    unconfirmed = Removals(unconfirmed=records, warning="2 of 4 are gone; `diptych ingest x` deletes them")
    deleted = Removals(deleted=records)
    unchanged = [outcome("c", "unchanged")]
    assert [IngestReport(unchanged, removals).exit_code for removals in (unconfirmed, deleted)] == [3, 0]
    assert IngestReport([outcome("c", "failed")], unconfirmed).exit_code == 4
    assert IngestReport(unchanged, unconfirmed).summary == "1 document: 1 unchanged; 3 gone, not deleted"
    assert IngestReport([], deleted).summary == "nothing to ingest; 3 deleted"
    assert list(deleted.lines()) == [
        "deleted    a.pdf: its file is gone",
        "deleted    b.csv#1: b.csv is gone",
        "deleted    mixed.zip#docs/c.pdf: mixed.zip is gone",
    ]
    assert "- `a.pdf: its file is gone`" in IngestReport(unchanged, unconfirmed).markdown("s")


def test_summary_counts_documents_and_their_parts() -> None:
    assert IngestReport([]).summary == "nothing to ingest"
    assert IngestReport([outcome("a", "unchanged")] * 2).summary == "nothing changed: 2 documents as before"
    mixed = [outcome("a", pages=2, passages=5, pictures=1), outcome("b", "unchanged", pages=9), outcome("c", "failed")]
    expected = "3 documents: 1 complete, 1 failed, 1 unchanged; 2 pages, 5 passages, 1 picture"
    assert IngestReport(mixed).summary == expected


def test_markdown_lists_missing_parts_and_escapes_markup() -> None:
    report = IngestReport(
        [
            outcome("a.pdf", "failed", error="a.pdf: `[click](http://x)` is encrypted"),
            outcome("b.pdf", "partial", problems=(Problem("cannot be rendered", 7),)),
        ]
    )
    page = report.markdown("library", ["notes.txt: no extractor reads .txt files"])
    assert "- `a.pdf: '[click](http://x)' is encrypted`" in page
    assert "- `b.pdf, page 7: cannot be rendered`" in page
    assert "- `notes.txt: no extractor reads .txt files`" in page


def test_rows_begin_with_failed_documents_and_are_limited() -> None:
    unchanged = [outcome(f"{number:04}.pdf", "unchanged") for number in range(MAX_ROWS)]
    failed = outcome("z.pdf", "failed", error="z.pdf: [broken](http://e.com)", seconds=3.2, stages={"extract": 3.1})
    report = IngestReport([*unchanged, failed])
    linked = f"| [z.pdf](http://page/documents/{document_id(failed.uri)}) | failed |"
    assert linked in report.markdown("library", search_page="http://page/")
    page = report.markdown("library")
    assert page.index("- `z.pdf: [broken](http://e.com)`") < page.index("### Documents")
    header, rule, *rows = page.partition(f"### Documents\n\n{NO_CONTACT_SHEETS}\n\n")[2].splitlines()
    assert (header, rule) == ("| document | status | extract s | total s |", "|---|---|---|---|")
    assert rows[0] == "| z.pdf | failed | 3.1 | 3.2 |"
    assert rows[1].startswith("| 0000.pdf | unchanged |")
    assert rows[MAX_ROWS:] == ["", "and 1 more"]


def test_nobody_is_told_to_delete_documents_whose_server_may_not_have_answered() -> None:
    local, remote = "file:///a.pdf", "s3://bucket/a.pdf"
    (here,) = Removals(skipped=(DocumentRecord(document_id(local), local, "a.pdf"),)).describe_skipped()
    assert here == "1 stored document skipped and kept: a.pdf; `diptych delete NAME` deletes them"
    (there,) = Removals(skipped=(DocumentRecord(document_id(remote), remote, remote),)).describe_skipped()
    assert there == f"1 stored document skipped and kept: {remote}"
