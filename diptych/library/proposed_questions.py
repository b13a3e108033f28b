"""Propose questions about the documents of an open store, with its models."""

from collections.abc import Sequence

from diptych.evaluation.model_questions import QuestionWriter
from diptych.evaluation.proposals import Proposals, propose_questions
from diptych.evaluation.questions import Question, locate_documents
from diptych.library.runtime import Runtime
from diptych.store.register import list_records


def propose(runtime: Runtime, count: int, seed: int, known: Sequence[Question]) -> Proposals:
    """See `Maintenance.propose_questions`."""
    used = runtime.ledger, runtime.meter, runtime.picture_store
    writer = QuestionWriter(runtime.answerer, *used) if runtime.settings.answerer else None
    located = locate_documents(known, list_records(runtime.existing()))
    return propose_questions(runtime.search_context, count, seed, writer, located)
