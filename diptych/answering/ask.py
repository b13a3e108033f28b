"""Answers a question from evidence with a vision model, and checks every citation.

The model gets one chance to correct what fails a check; what still fails is dropped, and the answer says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diptych.answering.answer import Answer, Dropped, join_statements, make_reference, make_statements
from diptych.answering.citations import CheckedSentence, Evidence, check_sentences, count_verdicts
from diptych.answering.conversation import Draft, SentenceStream, answer_request, correction_request, parse_reply
from diptych.answering.evidence import SourcedItem
from diptych.answering.verification import verify_sentences
from diptych.errors import BudgetReached, ProviderError, QueryError
from diptych.models.vision import Detail, ImagePart, VisionModel, VisionRequest
from diptych.prices import Price, Usage
from extractors.errors import ExtractionError

MAX_INPUT_TOKENS = 100_000
"""Of a request, by the model's own estimate; more pictures are left out. Longer prompts cost more per token with some
models, which prices and budgets do not know (see `list_price`)."""


@dataclass(frozen=True, slots=True)
class Answerer:
    """The model that answers, and how it is used."""

    model: VisionModel
    detail: Detail = "high"
    max_pictures: int = 8
    """Evidence shown with its image; the rest is shown by its words only."""
    max_tokens: int = 3000
    """Of an answer."""
    verify: bool = False
    """Whether to send statements that rest on what a picture shows back with that picture, to confirm or drop them."""
    price: Price | None = None
    """None if unknown."""
    crop: Callable[[SourcedItem], str | None] = lambda item: None
    """Returns the path of an image of a passage's place on its page, or None."""
    on_text: Callable[[str], None] | None = None
    """Called with each sentence of the first answer as it arrives, before any check."""
    still_wanted: Callable[[], None] | None = None
    """Called before each request to the model, and as its first answer arrives; what it raises ends the answer."""

    def check(self) -> None:
        if self.still_wanted:
            self.still_wanted()


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


def answer_question(
    question: str, picture: Path | None, items: Sequence[SourcedItem], answerer: Answerer, *, resembles: bool = True
) -> Answer:
    """Answer from `items`; `picture` belongs to the question. Without items no request is made.

    `resembles`: whether anything in the store resembles the question.

    Raises what `VisionModel.ask` raises for the first request. If the request for a correction fails, the first answer
    is returned without what failed.
    """
    if not items:
        why = "nothing was found in the store" if resembles else "nothing in the store resembles the question"
        text = f"The documents do not answer this: {why}."
        return Answer(question, text, unanswered=True, resembles=resembles, why=why)
    model = answerer.model
    request, items = _build_request(question, picture, items, answerer)
    stream = SentenceStream(answerer.on_text, answerer.check) if answerer.on_text or answerer.still_wanted else None
    answerer.check()
    reply = model.ask(request, stream)
    if stream:
        stream.end()
    if reply.refusal:
        why = " ".join(reply.refusal.split()).rstrip(".")
        answer = _with_usage(question, reply.usage, items, answerer)
        return replace(answer, text=f"There is no answer: {why}.", unanswered=True, failed=True, why=why)
    evidence = Evidence([source.item for source in items], question)
    draft = parse_reply(reply)
    result = _Round(draft, check_sentences(draft.sentences, evidence), reply.usage, {})
    if any(sentence.failures for sentence in result.checked):
        answerer.check()
        result = _correct(request, result, evidence, model)
    if answerer.verify:
        answerer.check()
        checked, usage = verify_sentences(question, result.checked, items, model, answerer.detail)
        result = replace(result, checked=checked, usage=result.usage + usage)
    return _compose(question, result, items, answerer)


def _build_request(
    question: str, picture: Path | None, items: Sequence[SourcedItem], answerer: Answerer
) -> tuple[VisionRequest, Sequence[SourcedItem]]:
    """The request for an answer, and the items with the images that it shows."""
    model = answerer.model
    side = model.low_side if answerer.detail == "low" else model.max_side
    items = _load_images(items, side, answerer.max_pictures)
    question_image = _load_question_image(picture, side)
    # Native citations need text: an image cannot be cited by itself.
    native = model.native_citations and any(source.item.text.strip() for source in items)
    while True:
        request = answer_request(question, question_image, items, native, answerer.detail, answerer.max_tokens)
        images = [source.item.id for source in items if source.image]
        if not images or model.max_usage(request).input_tokens <= MAX_INPUT_TOKENS:
            return request, items
        items = [_without_image(source) if source.image_id == images[-1] else source for source in items]


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
    checked = result.checked
    statements, numbers = make_statements(checked)
    if sourceless := result.draft.answered and not numbers:
        statements = ()  # what the model merely believes is no answer
    by_id = {source.item.id: source for source in items}
    seen = tuple(statement for statement in statements if statement.only_seen)
    supported = tuple(statement for statement in statements if not statement.only_seen)
    why = _why_unanswered(result.draft, bool(numbers))
    return replace(
        _with_usage(question, result.usage, items, answerer),
        text=join_statements(supported, seen) or f"The documents do not answer this: {why}.",
        sentences=supported,
        seen=seen,
        citations=tuple(
            make_reference(number, by_id[id_], None if by_id[id_].picture else answerer.crop(by_id[id_]))
            for id_, number in numbers.items()
        ),
        unanswered=bool(why),
        why=why,
        dropped=tuple(
            Dropped(one.sentence.text, verdict.reason)
            for one in checked
            for verdict in one.verdicts
            if verdict.fails or (sourceless and one.passes)
        ),
        checks=count_verdicts(result.checked),
        repaired=result.first_verdicts,
    )


def _why_unanswered(draft: Draft, supported: bool) -> str:
    """Empty if the question is answered."""
    if not draft.answered:
        return "the model found no answer in the evidence"
    if not draft.sentences:
        return "the model's answer was empty"
    if not supported:
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


def _load_images(items: Sequence[SourcedItem], max_side: int, max_pictures: int) -> list[SourcedItem]:
    """The items with the first `max_pictures` images; unreadable ones are shown by their words only.

    An image that several items share, such as the parts of a table, is sent under the id of the first of them.
    """
    loaded: list[SourcedItem] = []
    ids: dict[Path, str] = {}
    for source in items:
        image = None
        if source.picture and source.picture not in ids and len(ids) < max_pictures:
            image = _load_image(source.picture, f"the picture of {source.item.document}", max_side)
            ids |= {source.picture: source.item.id} if image else {}
        image_id = ids.get(source.picture, "") if source.picture else ""
        item = replace(source.item, has_image=bool(image_id))
        loaded.append(replace(source, item=item, image=image, image_id=image_id))
    return loaded


def _without_image(source: SourcedItem) -> SourcedItem:
    return replace(source, item=replace(source.item, has_image=False), image=None, image_id="")


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
