"""`make demo`: the main job on the sample documents: the ingest flow, then questions through the query flow.

    python -m flows.cli.demo

Needs no server and no account: one temporary Prefect server records the runs, in a home of its own beside the store.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli.local_runs import Tally, value
from flows.cli.main import guarded
from flows.support import ingest_report as report
from flows.support import prefect_env
from flows.support.hit_tables import hit_cells
from flows.support.progress import display, watched
from flows.support.terminal import one_line, say, show, table

if TYPE_CHECKING:
    from diptych import Diptych, Outcome, Settings

DATA = Path(__file__).parents[2] / "data"
ASKED = ("q09", "q13", "q23", "q32", "q34", "q39")
"""Questions of data/questions.jsonl whose answers are words, a table, a figure, a scan, a slide and a product."""
EACH = 3
"""Hits shown of each question."""
COLUMNS = ("question, and what was found", "#rank", "what", "document", "#page", "right page", "brought by")


def demo() -> int:
    """Run it all; gives the exit code of the ingest."""
    start = time.monotonic()
    from diptych.settings import load_settings

    settings = load_settings()
    os.environ.pop("PREFECT_API_URL", None)
    home = Path(settings.store).absolute() / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    os.environ["PREFECT_HOME"] = str(home)
    with prefect_env.guest():
        from flows.support.open_stores import opened

        with opened(settings) as diptych:
            _prepare(settings, diptych)
            outcomes = _ingest()
            rows = [row for question in _questions() for row in _ask(question)]
            pictures = diptych.pictures
    show(table(COLUMNS, rows), f"The pictures lie in {pictures}")
    say(f"{report.sentence(outcomes)}; {time.monotonic() - start:.0f} s in all")
    return report.exit_code(outcomes)


def _prepare(settings: Settings, diptych: Diptych) -> None:
    """The server starts while the machine is looked over and the model is loaded."""
    from prefect.client.orchestration import get_client

    def start_server() -> None:
        with get_client(sync_client=True) as client:
            client.hello()

    with ThreadPoolExecutor(1) as pool:
        server = pool.submit(start_server)
        say(_health(settings))
        say("starting a temporary Prefect server: 10 to 15 s …")
        diptych.maintenance.pending([])
        server.result()


def _health(settings: Settings) -> str:
    """The doctor's findings in a line or two."""
    from diptych.doctor.checks import check

    checks = check(settings)
    states = Counter(one.state for one in checks)
    counted = ", ".join(f"{count} {state}" for state, count in states.items())
    wanting = [f"{one.name} ({one.cost}; mend: {one.mend})" for one in checks if one.state != "ok"]
    return f"doctor: {counted}" + "".join(f"\n  {one}" for one in wanting)


def _ingest() -> list[Outcome]:
    from flows.ingest import ingest

    say(f"flow ingest over {DATA.name}/")
    with display() as progress:
        tally = Tally(progress)
        with watched(tally):
            value(ingest([str(DATA)], return_state=True))
    return tally.outcomes


def _questions() -> list[dict[str, Any]]:
    with (DATA / "questions.jsonl").open(encoding="utf-8") as lines:
        return [question for question in map(json.loads, lines) if question["id"] in ASKED]


def _ask(question: dict[str, Any]) -> Iterator[list[str]]:
    """The question as a row, and its first hits as rows under it."""
    from flows.query import query

    yield [question["text"]]
    hits: Any = asyncio.run(query(question["text"], limit=EACH))  # of a state that is returned, Prefect gives the data
    for hit in hits:
        right = hit["document"] == question["document"] and hit["page"] in question["pages"]
        rank, what, document, page, ranks, found, _ = hit_cells(hit)
        yield [f"  {one_line(found, 64)}", rank, what, document, page, "yes" * right, ranks]


if __name__ == "__main__":
    sys.exit(guarded(demo))
