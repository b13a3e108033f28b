"""The flow that answers one question and leaves the checked answer as a page in the UI.

It is async because Prefect ends every sync run with a second of waiting.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from diptych.answering.answer import Answer
from diptych.models.meter import format_usage
from diptych.search.query import Query
from diptych.settings import load_settings
from flows.query import condition
from flows.support.answer_text import markdown, record
from flows.support.ingest_report import number
from flows.support.no_hits import found_nothing
from flows.support.open_stores import opened
from flows.support.understood_filters import sentence


@flow(name="answer", persist_result=True, result_serializer="json")
async def answer(
    text: str = "",
    image: str | None = None,
    where: str | None = None,
    limit: Annotated[int, Field(ge=1, le=100)] = 12,
    model: str | None = None,
    store: str | None = None,
    budget: Annotated[float, Field(gt=0)] | None = None,
) -> State[Any]:
    """Answer a question from the store by a vision model; every citation is checked.

    Args:
        text: The question in words.
        image: Path of a picture on the worker's machine that belongs to the question.
        where: A filter of what may be evidence, such as: document = "manual.pdf"
        limit: Most hits shown to the model.
        model: Who answers, as PROVIDER:MODEL, its key in the worker's environment; empty: as the settings say.
        store: Folder of the store or URL of a Qdrant server; empty: the one that the settings name.
        budget: US dollars that the answer may cost; a request that could pass it is not sent. Empty: no limit.
    """
    settings = load_settings(store or None)
    if model:
        settings = settings.model_copy(update={"answerer": model})
    with opened(settings, budget) as diptych:
        question = Query(text, Path(image) if image else None, condition(where))
        understood = await asyncio.to_thread(diptych.interpret, question)
        answered = await asyncio.to_thread(diptych.ask, question, limit)
        nothing = "" if answered.evidence else await asyncio.to_thread(found_nothing, diptych, question.where)
        used, data = format_usage(diptych.meter), record(answered, diptych.meter)
    told = sentence(understood)
    for line in filter(None, [told, nothing, *used]):
        get_run_logger().info("%s", line)
    notes = ("`" + line.replace("`", "'") + "`" for line in (nothing, *used) if line)
    description = " — ".join(filter(None, [text or str(image), told]))
    await acreate_markdown_artifact("\n\n".join([markdown(answered), *notes]), key="answer", description=description)
    return Completed(message=nothing or _message(answered), data=data)


def _message(answered: Answer) -> str:
    """What the run came to, where a list of runs has one line for it."""
    if answered.unanswered:
        return f"not answered: {answered.why}"
    doubtful = sum(bool(one.marks) for one in answered.sentences)
    doubts = f", {doubtful} not confirmed" if doubtful else ""
    sources = number(len(answered.citations), "source")
    return f"{number(len(answered.sentences), 'sentence')} from {sources}{doubts}"
