"""The flow that answers one question and leaves the checked answer as a page in the UI.

It is async because Prefect ends every sync run with a second of waiting.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact
from pydantic import Field

from diptych.retrieval.search import Query
from diptych.settings import load
from flows.answers import markdown
from flows.handles import opened
from flows.phrases import sentence
from flows.query import condition


@flow(name="answer", persist_result=True, result_serializer="json")
async def answer(
    text: str = "",
    image: str | None = None,
    where: str | None = None,
    limit: Annotated[int, Field(ge=1, le=100)] = 12,
    model: str | None = None,
    store: str | None = None,
) -> dict[str, Any]:
    """Answer a question from the store by a vision model; every citation is checked.

    Args:
        text: The question in words.
        image: Path of a picture on the worker's machine that belongs to the question.
        where: A filter of what may be evidence, such as: document = "manual.pdf"
        limit: Most hits shown to the model.
        model: Who answers, as PROVIDER:MODEL, its key in the worker's environment; empty: as the settings say.
        store: Folder of the store or URL of a Qdrant server; empty: the one that the settings name.
    """
    settings = load(store or None)
    if model:
        settings = settings.model_copy(update={"answerer": model})
    with opened(settings) as diptych:
        question = Query(text, Path(image) if image else None, condition(where))
        understood = await asyncio.to_thread(diptych.understood, question)
        answered = await asyncio.to_thread(diptych.ask, question, limit)
    if told := sentence(understood):
        get_run_logger().info("%s", told)
    await acreate_markdown_artifact(markdown(answered), key="answer", description=text or str(image))
    return answered.as_dict()
