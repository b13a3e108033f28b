"""Flow `query`: search a store and show the hits as a table in the UI.

The flow is async because every sync flow run ends with a second of waiting, which is longer than a search takes.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from diptych import Query
from diptych.models.meter import format_usage
from flows.support.flow_settings import StoreChoice, flow_settings
from flows.support.search_results import describe_filters, explain_no_hits, hit_rows, parse_counts, parse_filter
from flows.support.shared_store import shared_diptych
from flows.support.text import pluralize


@flow(name="query", persist_result=True, result_serializer="json")
async def query(
    text: str = "",
    image: str | None = None,
    where: str | None = None,
    panels: Literal["both", "text", "image"] = "both",
    limit: Annotated[int, Field(ge=1, le=1000)] = 10,
    offset: Annotated[int, Field(ge=0, le=10_000)] = 0,
    passages: str | None = None,
    pictures: str | None = None,
    split_rows: bool = False,
    store: StoreChoice = None,
) -> State[Any]:
    """Search text and images, and return one ranked list of hits.

    Args:
        text: The question.
        image: URL of an image, or its path on the worker's machine, to search with.
        where: A filter, such as: price < 200 and category = "jackets"
        panels: Search text and images, or only one of them.
        limit: Maximum number of hits.
        offset: Number of hits to skip: 10 with a limit of 10 shows the second page.
        passages: Number of passages among the hits: 3 for exactly three, 3+ for at least three.
        pictures: Number of pictures among the hits, in the same form.
        split_rows: Return the text and the pictures of a catalogue row as separate hits.
        store: Folder, URL of a Qdrant server, or a block. Default: Variable `diptych_store`, else as configured.
    """
    condition = parse_filter(where, None if panels == "both" else panels)
    least, exact = parse_counts(passages, pictures)
    question = Query(text, image or None, condition, least=least, exact=exact, split_rows=split_rows)
    if offset == 0:
        limit = max(limit, sum(least.values()) + sum(exact.values()))
    with shared_diptych(flow_settings(store)) as diptych:
        filters = await asyncio.to_thread(describe_filters, diptych, question)
        found = await asyncio.to_thread(diptych.search, question, limit, offset)
        nothing = ""
        if not found:
            nothing = await asyncio.to_thread(explain_no_hits, diptych, condition, resembles=found.resembles)
        usage = format_usage(diptych.meter)
    hits = [hit.as_dict() for hit in found]
    for line in filter(None, [filters, nothing, *usage]):
        get_run_logger().info("%s", line)
    description = " — ".join(filter(None, [text or str(image), filters, nothing]))
    await acreate_table_artifact(hit_rows(hits), key="query-hits", description=description)
    return Completed(message=nothing or pluralize(len(hits), "hit"), data=hits)
