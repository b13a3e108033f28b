"""The flow that measures search on questions with known answers and leaves the figures as tables in the UI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from diptych.evaluation.gates import gate_failure, parse_gates
from diptych.evaluation.metrics import Level
from diptych.settings import load_settings
from flows.support import evaluation_tables as evaluation
from flows.support.ingest_report import number
from flows.support.open_stores import opened


@flow(name="evaluate", persist_result=True, result_serializer="json")
def evaluate(
    questions: str,
    arms: list[str] | None = None,
    gate: str | None = None,
    out: str | None = None,
    store: str | None = None,
) -> State[Any]:
    """Put questions with known answers to every kind of retrieval; below the gate the run ends as Failed.

    Args:
        questions: Path of the JSON Lines file on the worker's machine.
        arms: Compare only these; fused alone is quickest.
        gate: A floor under the search as it is, such as: page recall@10 >= 0.8 and document mrr >= 0.9
        out: Folder on the worker's machine for report.html.
        store: Folder of the store or URL of a Qdrant server; empty: the one that the settings name.
    """
    floor = parse_gates(gate) if gate and gate.strip() else []
    report = Path(out) / evaluation.REPORT if out else None
    logger = get_run_logger()
    with opened(load_settings(store or None)) as diptych:
        found = diptych.evaluate(Path(questions), arms or None, report, lambda name: logger.info("running %s", name))
    below = gate_failure(floor, found)
    create_markdown_artifact(evaluation.markdown(found, below), key="evaluation", description=questions)
    level: Level = "page" if found.counts["page"] else "document"
    heads = [name.lstrip("#") for name in evaluation.COLUMNS]
    cells = [dict(zip(heads, row, strict=True)) for row in evaluation.rows(found, level)]
    create_table_artifact(cells, key="evaluation-arms", description=f"{questions}, by {level}")
    data = found.as_dict()
    if below:
        return Failed(message=below, data=data)
    return Completed(message=f"{number(len(found.questions), 'question')}, {number(len(found.arms), 'arm')}", data=data)
