"""Flow `answer`: answer a question from a store and show the checked answer as a page in the UI.

The flow is async because every sync flow run ends with a second of waiting.
"""

import asyncio
from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from diptych import Answer
from diptych.printable import one_line
from diptych.search.query.query_options import make_question
from flows.deployment.flow_settings import FormText, StoreChoice, flow_settings
from flows.output.answer_text import answer_markdown, answer_settings
from flows.output.hit_pages import evidence_crops
from flows.output.progress import current_listener
from flows.output.wording import escape_markdown, markdown_code, pluralize
from flows.runs.questions import find_answer
from flows.runs.run_states import ends_with_sentence, name_run
from flows.runs.shared_store import shared_diptych


@flow(name="answer", persist_result=True, result_serializer="json")
@ends_with_sentence
async def answer(
    text: str = "",
    image: FormText = "",
    where: FormText = "",
    limit: Annotated[int, Field(ge=1, le=100)] = 12,
    model: FormText = "",
    store: StoreChoice = None,
    budget: Annotated[float, Field(gt=0)] | None = None,
    verify: bool | None = None,
    passages: FormText = "",
    pictures: FormText = "",
) -> State[Any]:
    """Answer a question from the store with a vision model. Every citation is checked.

    Args:
        text: The question.
        image: URL of an image that belongs to the question, or its path on the worker.
        where: A filter on the evidence, such as: document = "manual.pdf"
        limit: Maximum number of hits shown to the model.
        model: PROVIDER:MODEL, with its key in the worker's environment. Default: as configured.
        store: Folder, URL of a Qdrant server, or a block. Default: Variable `diptych_store`, else as configured.
        budget: Maximum cost of the answer in US dollars; requests that could exceed it fail.
        verify: Ask again about statements that only a picture shows. Default: as configured.
        passages: Passages shown to the model: 3 for exactly three, 3+ for at least three.
        pictures: Number of pictures shown to the model, in the same form.
    """
    configured, title = flow_settings(store), one_line(text or str(image))
    await asyncio.to_thread(name_run, f"answer: {title}", configured.store)
    question = make_question(text, image, where, limit, passages=passages, pictures=pictures)
    settings = answer_settings(configured, model, verify)
    with shared_diptych(settings, budget) as diptych:
        found = await asyncio.to_thread(find_answer, diptych, question)
    current_listener().on_result(found)
    answered = found.answer
    for line in filter(None, [found.filters, found.nothing, *found.usage]):
        get_run_logger().info("%s", line)
    notes = (markdown_code(line) for line in (found.nothing, *found.usage) if line)
    crops = await asyncio.to_thread(evidence_crops, answered.citations)
    page = "\n\n".join(filter(None, [answer_markdown(answered), crops, *notes]))
    description = " — ".join(map(escape_markdown, filter(None, [title, found.filters])))
    await acreate_markdown_artifact(page, key="answer", description=description)
    return Completed(message=found.nothing or run_message(answered), data=answered.as_dict())


def run_message(answered: Answer) -> str:
    """The result in one line, for the list of runs."""
    if answered.unanswered:
        return f"not answered: {answered.why}"
    statements = *answered.sentences, *answered.seen
    unconfirmed = sum(not one.confirmed for one in statements)
    sentences, sources = pluralize(len(statements), "sentence"), pluralize(len(answered.citations), "source")
    return f"{sentences} from {sources}" + (f", {unconfirmed} not confirmed" if unconfirmed else "")
