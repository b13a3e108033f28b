"""`make demo`: ingest the sample documents through a flow and put questions to them through another.

    python -m flows.cli.demo

Needs no server and no account: a temporary Prefect server, whose home is next to the store, records the runs.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diptych.printable import one_line
from extractors.atomic_write import make_private_folder
from flows.cli.main import guarded
from flows.output.ingest_report import IngestReport
from flows.output.progress import listening, progress_display
from flows.output.search_results import hit_cells
from flows.output.terminal import build_table, print_message, print_output
from flows.runs.local_prefect import local_prefect, run_recorded

if TYPE_CHECKING:
    from diptych import Settings

DATA = Path(__file__).parents[2] / "data"
QUESTION_IDS = ("q09", "q13", "q23", "q32", "q34", "q39")
"""Questions of data/questions.jsonl that are answered by text, a table, a figure, a scan, a slide and a product."""
HITS_PER_QUESTION = 3
COLUMNS = ("question and hits", "#rank", "what", "document", "place", "right page", "found by")


def run_demo() -> int:
    """Run the demo and return the exit code of the ingest."""
    from diptych.settings import load_settings

    start = time.monotonic()
    settings = load_settings()
    os.environ.pop("PREFECT_API_URL", None)
    prefect_home = Path(settings.store).absolute() / "prefect"
    make_private_folder(prefect_home)
    os.environ["PREFECT_HOME"] = str(prefect_home)
    print_message(_health(settings))
    print_message("starting a temporary Prefect server: 10 to 15 s …")
    with local_prefect():
        from flows.runs.shared_store import shared_diptych

        with shared_diptych(settings) as diptych:
            report = _ingest_samples()
            rows = [row for question in _sample_questions() for row in _search_rows(question)]
            pictures = diptych.pictures
    print_output(build_table(COLUMNS, rows), f"The pictures are in {pictures}")
    print_message(f"{report.summary}; {time.monotonic() - start:.0f} s in total")
    print_message(f"to search and see the pictures in a browser: {_serve_command(settings)}")
    return report.exit_code


def _serve_command(settings: Settings) -> str:
    """The command that opens the search page on the store of the demo."""
    program = os.path.relpath(Path(sys.executable).with_name("diptych"))
    return shlex.join([program, "serve", "--store", settings.store])


def _health(settings: Settings) -> str:
    """The findings of `diptych doctor` in a line or two."""
    from diptych.doctor.doctor import run_checks

    checks = run_checks(settings)
    counts = ", ".join(f"{count} {state}" for state, count in Counter(one.state for one in checks).items())
    problems = [f"{one.name} ({one.cost}; fix: {one.fix})" for one in checks if one.state != "ok"]
    return f"doctor: {counts}" + "".join(f"\n  {problem}" for problem in problems)


def _ingest_samples() -> IngestReport:
    from flows.ingest import ingest

    print_message(f"flow ingest over {DATA.name}/")
    with progress_display() as progress, listening(progress):
        run_recorded(ingest, paths=[str(DATA)])
    return progress.report


def _sample_questions() -> list[dict[str, Any]]:
    with (DATA / "questions.jsonl").open(encoding="utf-8") as lines:
        return [question for question in map(json.loads, lines) if question["id"] in QUESTION_IDS]


def _search_rows(question: dict[str, Any]) -> Iterator[list[str]]:
    """A row with the question, and one for each of its first hits."""
    from flows.query import query

    yield [question["text"]]
    hits: Any = asyncio.run(query(question["text"], limit=HITS_PER_QUESTION))  # Prefect returns the state's data
    for hit in hits:
        right = hit["document"].endswith(question["document"]) and hit["page"] in question["pages"]
        rank, what, document, place, ranks, text, _ = hit_cells(hit)
        yield [f"  {one_line(text, 64)}", rank, what, document, place, "yes" if right else "", ranks]


if __name__ == "__main__":
    sys.exit(guarded(run_demo))
