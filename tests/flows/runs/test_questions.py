"""Batches of questions, read from a file."""

from pathlib import Path

from diptych.search.query.query_options import make_question
from flows.runs.questions import read_batch


def test_options_hold_for_all_questions_of_a_batch(tmp_path: Path) -> None:
    (tmp_path / "batch.jsonl").write_text('{"id": 1, "text": "pumps"}\n\n{"id": 2, "text": "valves"}\n')
    options = make_question("", where="page = 2", split_rows=True, copies=True)
    for _, query in read_batch(tmp_path / "batch.jsonl", options):
        assert (query.where, query.split_rows, query.copies) == (options.query.where, True, True)
