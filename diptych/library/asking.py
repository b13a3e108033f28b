"""Answer a question from an open store."""

from collections.abc import Callable

from diptych.answering.answer import Answer, with_charges
from diptych.answering.ask import Answerer, answer_question
from diptych.answering.evidence import SourcedItem, crop_passage, gather_evidence
from diptych.library.query_preparation import QueryPreparation
from diptych.library.runtime import Runtime
from diptych.models.meter import track_charges
from diptych.search.hits import Hit, Results
from diptych.search.query.query import Query
from diptych.search.search import search


def ask(
    query: Query,
    runtime: Runtime,
    preparation: QueryPreparation,
    search_many: Callable[[list[Query], int], list[Results[Hit]]],
    limit: int,
    on_text: Callable[[str], None] | None,
    still_wanted: Callable[[], None] | None,
) -> Answer:
    """See `Diptych.ask`, whose `search_many` finds the hits."""
    store, model = runtime.existing(), runtime.answerer
    runtime.check_models("answerer")
    with track_charges() as account:
        prepared, image = preparation.prepare_question(query)
        if image:
            (hits,) = search([prepared], runtime.search_context, limit)
        else:
            (hits,) = search_many([query], limit)
    items = gather_evidence(hits, store, runtime.picture_store, runtime.search_context.resolve(query.filter))

    def crop(item: SourcedItem) -> str | None:
        return crop_passage(item, runtime.existing(), runtime.workers(), runtime.pictures)

    chosen = runtime.settings
    answerer = Answerer(
        model,
        chosen.answer_detail,
        chosen.answer_pictures,
        chosen.answer_tokens,
        chosen.verify,
        runtime.meter.price(model.name),
        crop,
        on_text,
        still_wanted,
    )
    answered = answer_question(query.text, image, items, answerer, resembles=hits.resembles)
    return with_charges(answered, account.charges)
