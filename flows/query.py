"""The flow that puts one question and leaves its hits as a table in the UI.

It is async because Prefect ends every sync run with a second of waiting, which is more than a search takes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from diptych.models.meter import format_usage
from diptych.search.query import Query
from diptych.settings import load_settings
from diptych.where import Expression, all_of, parse_where, where_from_fields
from flows.support.hit_tables import hit_rows
from flows.support.ingest_report import number
from flows.support.no_hits import found_nothing
from flows.support.open_stores import opened
from flows.support.understood_filters import sentence

Panels = Literal["both", "text", "image"]


@flow(name="query", persist_result=True, result_serializer="json")
async def query(
    text: str = "",
    image: str | None = None,
    where: str | None = None,
    panels: Panels = "both",
    limit: Annotated[int, Field(ge=1, le=1000)] = 10,
    offset: Annotated[int, Field(ge=0, le=10_000)] = 0,
    least_passages: Annotated[int, Field(ge=0)] = 0,
    least_pictures: Annotated[int, Field(ge=0)] = 0,
    store: str | None = None,
) -> State[Any]:
    """Search both panels, text and images, and give one ranked list.

    Args:
        text: The question in words.
        image: Path of a picture on the worker's machine, instead of words or beside them.
        where: A filter, such as: price < 200 and category = "jackets"
        panels: Search both panels, or one of them.
        limit: Most hits wanted.
        offset: Hits to pass over first: 10 with a limit of 10 gives the second page.
        least_passages: Passages that there have to be among the hits, as long as there are that many.
        least_pictures: The same for pictures.
        store: Folder of the store or URL of a Qdrant server; empty: the one that the settings name.
    """
    with opened(load_settings(store or None)) as diptych:
        least = {"text": least_passages, "image": least_pictures}
        question = Query(text, Path(image) if image else None, condition(where, panels), least=least)
        understood = await asyncio.to_thread(diptych.interpret, question)
        found = await asyncio.to_thread(diptych.search, question, limit, offset)
        nothing = "" if found else await asyncio.to_thread(found_nothing, diptych, question.where)
        used = format_usage(diptych.meter)
    hits = [hit.as_dict() for hit in found]
    told = sentence(understood)
    for line in filter(None, [told, nothing, *used]):
        get_run_logger().info("%s", line)
    description = " — ".join(filter(None, [text or str(image), told, nothing]))
    await acreate_table_artifact(hit_rows(hits), key="query-hits", description=description)
    return Completed(message=nothing or number(len(hits), "hit"), data=hits)


def condition(where: str | None, panels: Panels = "both") -> Expression | None:
    """The filter of a question. Raises `QueryError` naming the column that cannot be read."""
    panel = None if panels == "both" else where_from_fields({"modality": panels})
    return all_of(parse_where(where) if where and where.strip() else None, panel)
