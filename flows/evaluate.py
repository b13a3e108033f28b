"""Flow `evaluate`: measure search on questions with known answers."""

from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from flows.deployment.flow_settings import FormText, StoreChoice, flow_settings
from flows.output.evaluation_tables import REPORT, evaluation_markdown
from flows.output.progress import current_listener
from flows.output.wording import escape_markdown, pluralize
from flows.runs.questions import run_evaluation
from flows.runs.run_states import ends_with_sentence, failed_state, name_run
from flows.runs.shared_store import shared_diptych


@flow(name="evaluate", persist_result=True, result_serializer="json")
@ends_with_sentence
def evaluate(
    questions: str,
    arms: list[str] | None = None,
    gate: FormText = "",
    out: FormText = "",
    store: StoreChoice = None,
    budget: Annotated[float, Field(gt=0)] | None = None,
) -> State[Any]:
    """Compare kinds of retrieval on questions with known answers. The run fails if search is below the gate.

    Args:
        questions: JSON Lines file of questions on the worker's machine.
        arms: Kinds of retrieval to compare, such as fused (the fastest choice). Default: all.
        gate: Minimum quality of search, such as: page recall@10 >= 0.8 and document mrr >= 0.9
        out: Folder on the worker's machine for report.html.
        store: Folder, URL of a Qdrant server, or a block. Default: Variable `diptych_store`, else as configured.
        budget: Maximum spend on a paid encoder in US dollars; requests that could exceed it fail.
    """
    report = Path(out) / REPORT if out else None

    def log(line: str) -> None:
        get_run_logger().info("%s", line)
        current_listener().on_note(line)

    settings = flow_settings(store)
    name_run(f"evaluate: {questions}", settings.store)
    with shared_diptych(settings, budget) as diptych:
        evaluated = run_evaluation(diptych, Path(questions), arms, gate, report, log)
    current_listener().on_result(evaluated)
    evaluation, below_gate = evaluated.evaluation, evaluated.below_gate
    create_markdown_artifact(
        evaluation_markdown(evaluation, below_gate), key="evaluation", description=escape_markdown(questions)
    )
    data = evaluation.as_dict()
    if below_gate:
        return failed_state(below_gate, data)
    message = f"{pluralize(len(evaluation.questions), 'question')}, {pluralize(len(evaluation.arms), 'arm')}"
    return Completed(message=message, data=data)
