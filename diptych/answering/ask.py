"""Answers a question from evidence with a vision model, and checks every citation.

The model gets one chance to correct what fails a check; what still fails is dropped, and the answer says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diptych.answering.answer import Answer, Dropped, Statement, make_reference, make_statements
from diptych.answering.citations import CheckedSentence, Evidence, check_sentences, count_verdicts
from diptych.answering.conversation import Draft, SentenceStream, answer_request, correction_request, parse_reply
from diptych.answering.evidence import MAX_PICTURES, SourcedItem
from diptych.errors import BudgetReached, ProviderError, QueryError
from diptych.models.vision import Detail, ImagePart, VisionModel, VisionRequest
from diptych.prices import Price, Usage
from extractors.errors import ExtractionError


@dataclass(frozen=True, slots=True)
class Answerer:
    """The model that answers, and how it is used."""

    model: VisionModel
    detail: Detail = "high"
    price: Price | None = None
    """None if unknown."""
    crop: Callable[[SourcedItem], str | None] = lambda item: None
    """Returns the path of an image of a passage's place on its page, or None."""
    on_text: Callable[[str], None] | None = None
    """Called with each sentence of the first answer as it arrives, before any check."""


@dataclass(frozen=True, slots=True)
class _Round:
    """A model's answer with its checks."""

    draft: Draft
    checked: Sequence[CheckedSentence]
    usage: Usage
    first_verdicts: dict[str, int]
    """Verdicts on the first answer, if it had to be corrected."""

    @property
    def supported(self) -> int:
        """Number of sentences that passed with a citation."""
        return sum(sentence.passes and bool(sentence.citations) for sentence in self.checked)


def answer_question(question: str, picture: Path | None, items: Sequence[SourcedItem], answerer: Answerer) -> Answer:
    """Answer from `items`; `picture` belongs to the question. Without items no request is made.

    Raises what `VisionModel.ask` raises for the first request. If the request for a correction fails, the first answer
    is returned without what failed.
    """
    if not items:
        why = "nothing was found in the store"
        return Answer(question, f"The documents do not answer this: {why}.", unanswered=True, why=why)
    model = answerer.model
    items = _load_images(items, model.max_side)
    question_image = _load_question_image(picture, model.max_side)
    # Native citations need text: an image cannot be cited by itself.
    native = model.native_citations and any(source.item.text.strip() for source in items)
    request = answer_request(question, question_image, items, native, answerer.detail)
    stream = SentenceStream(answerer.on_text) if answerer.on_text else None
    reply = model.ask(request, stream)
    if stream:
        stream.end()
    if reply.refusal:
        why = " ".join(reply.refusal.split())
        answer = _with_usage(question, reply.usage, items, answerer)
        return replace(answer, text=f"There is no answer: {why}.", unanswered=True, why=why)
    evidence = Evidence([source.item for source in items], question)
    draft = parse_reply(reply)
    result = _Round(draft, check_sentences(draft.sentences, evidence), reply.usage, {})
    if any(sentence.failures for sentence in result.checked):
        result = _correct(request, result, evidence, model)
    return _compose(question, result, items, answerer)


def _correct(request: VisionRequest, first: _Round, evidence: Evidence, model: VisionModel) -> _Round:
    """The corrected answer, or the first one if there is no correction or fewer of its sentences are supported."""
    first = replace(first, first_verdicts=count_verdicts(first.checked))
    try:
        reply = model.ask(correction_request(request, first.checked))
    except (BudgetReached, ProviderError):
        return first
    usage = first.usage + reply.usage
    if reply.refusal:
        return replace(first, usage=usage)
    draft = parse_reply(reply)
    second = _Round(draft, check_sentences(draft.sentences, evidence), usage, first.first_verdicts)
    if draft.answered and second.supported < first.supported:
        return replace(first, usage=usage)
    return second


def _compose(question: str, result: _Round, items: Sequence[SourcedItem], answerer: Answerer) -> Answer:
    statements, numbers = make_statements(result.checked)
    by_id = {source.item.id: source for source in items}
    why = _why_unanswered(result.draft, statements)
    return replace(
        _with_usage(question, result.usage, items, answerer),
        text="\n".join(statement.line for statement in statements) or f"The documents do not answer this: {why}.",
        sentences=statements,
        citations=tuple(
            make_reference(number, by_id[id_], None if by_id[id_].picture else answerer.crop(by_id[id_]))
            for id_, number in numbers.items()
        ),
        unanswered=bool(why),
        why=why,
        dropped=tuple(
            Dropped(checked.sentence.text, verdict.reason)
            for checked in result.checked
            for verdict in checked.verdicts
            if verdict.fails
        ),
        checks=count_verdicts(result.checked),
        repaired=result.first_verdicts,
    )


def _why_unanswered(draft: Draft, statements: Sequence[Statement]) -> str:
    """Empty if the question is answered."""
    if not draft.answered:
        return "the model found no answer in the evidence"
    if not draft.sentences:
        return "the model's answer was empty"
    if not any(statement.citations for statement in statements):
        return "no statement of the model is supported by the evidence"
    return ""


def _with_usage(question: str, usage: Usage, items: Sequence[SourcedItem], answerer: Answerer) -> Answer:
    """An empty answer that records what was shown and paid for."""
    name = answerer.model.name
    return Answer(
        question=question,
        text="",
        evidence={source.item.id: source.item.place for source in items},
        pictures=sum(source.image is not None for source in items),
        model=name,
        usage={name: usage},
        price=answerer.price.cost(usage) if answerer.price else None,
    )


def _load_images(items: Sequence[SourcedItem], max_side: int) -> list[SourcedItem]:
    """The items with their images, for the first pictures; unreadable ones are shown by their words only."""
    loaded: list[SourcedItem] = []
    remaining = MAX_PICTURES
    for source in items:
        name = f"the picture of {source.item.document}"
        image = _load_image(source.picture, name, max_side) if source.picture and remaining else None
        remaining -= image is not None
        loaded.append(replace(source, item=replace(source.item, has_image=image is not None), image=image))
    return loaded


def _load_image(file: Path, name: str, max_side: int) -> ImagePart | None:
    from diptych.models.image_input import prepare_image

    try:
        return prepare_image(file, name, max_side)
    except ExtractionError:
        return None


def _load_question_image(file: Path | None, max_side: int) -> ImagePart | None:
    if file is None:
        return None
    image = _load_image(file, "the image of the question", max_side)
    if image is None:
        raise QueryError(f"{file} is not a readable image; use a PNG, JPEG or WebP file")
    return image
