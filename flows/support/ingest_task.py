"""The work of one task, in a module of its own: a task that goes to another process takes what it names along by value,
and finds by name only what it imports."""

from __future__ import annotations

from collections.abc import Sequence
from logging import DEBUG, ERROR, INFO, WARNING

from prefect import get_run_logger

from diptych.pipeline.ingest import Outcome
from diptych.settings import Settings
from extractors.types import Source
from flows.support import ingest_report as report
from flows.support.open_stores import opened
from flows.support.progress import watcher

LEVELS = {"complete": INFO, "partial": WARNING, "failed": ERROR, "unchanged": DEBUG, "waiting": WARNING}


def ingest(sources: Sequence[Source], settings: Settings, retry: bool) -> list[Outcome]:
    """One document after the other, each told to the run's log and to whoever watches."""
    logger = get_run_logger()
    outcomes = []
    with opened(settings) as diptych:
        for source in sources:
            outcome = diptych.maintenance.ingest_source(source, retry=retry)
            outcomes.append(outcome)
            watcher().done(outcome)
            logger.log(LEVELS[outcome.status], "%s", report.line(outcome))
    return outcomes
