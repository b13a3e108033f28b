"""Flow `query`: search a store and show the hits as a page in the UI.

The flow is async because every sync flow run ends with a second of waiting, which is longer than a search takes.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from diptych import Diptych
from diptych.printable import one_line
from diptych.search.query.query_options import Question, make_question
from flows.deployment.flow_settings import FormText, StoreChoice, flow_settings
from flows.output.hit_pages import hits_markdown
from flows.output.progress import current_listener
from flows.output.wording import escape_markdown, pluralize
from flows.runs.questions import find_batch, find_hits, read_batch
from flows.runs.run_states import ends_with_sentence, name_run
from flows.runs.shared_store import shared_diptych

MAX_ROWS = 500
"""Questions of a batch in the table."""


@flow(name="query", persist_result=True, result_serializer="json")
@ends_with_sentence
async def query(
    text: str = "",
    image: FormText = "",
    where: FormText = "",
    panels: Literal["both", "text", "image"] = "both",
    limit: Annotated[int, Field(ge=1, le=999_999)] = 10,
    offset: Annotated[int, Field(ge=0, le=999_999)] = 0,
    passages: FormText = "",
    pictures: FormText = "",
    split_rows: bool = False,
    copies: bool = False,
    batch: FormText = "",
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
        copies: Also return what copies of a document repeat.
        batch: JSON Lines file of questions on the worker's machine, instead of text and image.
        store: Folder, URL of a Qdrant server, or a block. Default: Variable `diptych_store`, else as configured.
    """
    settings, title = flow_settings(store), one_line(batch or text or str(image))
    await asyncio.to_thread(name_run, f"query: {title}", settings.store)
    modality = None if panels == "both" else panels
    question = make_question(
        text, image, where, limit, offset,
        modality=modality, passages=passages, pictures=pictures, split_rows=split_rows, copies=copies,
    )  # fmt: skip
    with shared_diptych(settings) as diptych:
        if batch:
            return await _search_batch(diptych, Path(batch), question, offset)
        found = await asyncio.to_thread(find_hits, diptych, question, offset)
    current_listener().on_result(found)
    hits = [hit.as_dict() for hit in found.hits]
    notes = [*filter(None, [found.filters]), *found.notes]
    for line in notes:
        get_run_logger().info("%s", line)
    page = await asyncio.to_thread(hits_markdown, hits, title, notes, diptych.settings.search_page)
    await acreate_markdown_artifact(page, key="query-hits", description=escape_markdown(title))
    return Completed(message=found.nothing or pluralize(len(hits), "hit"), data=hits)


async def _search_batch(diptych: Diptych, file: Path, options: Question, offset: int) -> State[Any]:
    """Search for every question of a file; the result is one object per question: id, hits, resembles."""

    def search() -> list[dict[str, Any]]:
        answers = []
        for found in find_batch(diptych, read_batch(file, options), options.limit, offset):
            current_listener().on_result(found)
            answers.append(found.as_dict())
        return answers

    answers = await asyncio.to_thread(search)
    rows = [
        {
            "question": str(one["id"]),
            "hits": len(one["hits"]),
            "first": one["hits"][0]["document"] if one["hits"] else "",
        }
        for one in answers[:MAX_ROWS]
    ]
    message = pluralize(len(answers), "question")
    await acreate_table_artifact(rows, key="query-batch", description=f"{file}: {message}")
    return Completed(message=message, data=answers)
