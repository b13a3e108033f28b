"""A question -> evidence -> a vision model -> an answer of which every citation was checked.

What fails a check is told to the model once; what still fails is dropped, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diptych.answering.answer import Answer, Statement, dropped, reference, silent, statements
from diptych.answering.citations import Checked, Evidence, check, counts
from diptych.answering.conversation import BySentence, Draft, Seen, again, drafted, first
from diptych.answering.evidence import MOST_PICTURES, SourcedItem
from diptych.errors import BudgetReached, ProviderError, QueryError
from diptych.models.vision import Detail, ImagePart, Reply, VisionModel, VisionRequest
from diptych.prices import Price, Usage
from extractors.errors import ExtractionError


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who answers, and how closely pictures are looked at."""

    model: VisionModel
    detail: Detail = "high"
    price: Price | None = None
    """None: unknown."""
    crop: Callable[[SourcedItem], str | None] = lambda item: None
    """Path of a picture of a passage's place on its page; None where there is none."""
    on_text: Callable[[str], None] | None = None
    """Is told each sentence of the first answer as it comes, before any check."""


@dataclass(frozen=True, slots=True)
class _Round:
    """What the model said, and what the checks say to that."""

    draft: Draft
    checked: Sequence[Checked]
    usage: Usage
    before: dict[str, int]
    """Verdicts of the first answer, if this is not it."""

    @property
    def standing(self) -> int:
        return sum(one.stands and bool(one.citations) for one in self.checked)


def answer_question(question: str, picture: Path | None, items: Sequence[SourcedItem], answerer: Answerer) -> Answer:
    """Ask the model about the evidence. Without evidence no request is made.

    `picture`: of the question. Raises what `VisionModel.ask` does for the first request; when the second one fails,
    the first answer stands without what failed.
    """
    if not items:
        return silent(question, "nothing was found in the store")
    model = answerer.model
    seen = _seen(items, model.max_side)
    native = model.native_citations and any(
        one.shown.text.strip() for one in seen
    )  # pixels cannot be cited by themselves
    ask = first(question, _question_picture(picture, model.max_side), seen, native, answerer.detail)
    heard = BySentence(answerer.on_text) if answerer.on_text else None
    reply = model.ask(ask, heard)
    if heard:
        heard.end()
    if reply.refusal:
        return _refused(question, reply, answerer, seen)
    evidence = Evidence([one.shown for one in seen], question)
    draft = drafted(reply)
    done = _Round(draft, check(draft.sentences, evidence), reply.usage, {})
    if any(one.failures for one in done.checked):
        done = _mended(ask, done, evidence, model)
    return _composed(question, done, items, seen, answerer)


def _mended(ask: VisionRequest, done: _Round, evidence: Evidence, model: VisionModel) -> _Round:
    """The second answer; the first one, when there is no second or less of it stands."""
    before = counts(done.checked)
    try:
        reply = model.ask(again(ask, done.checked))
    except (BudgetReached, ProviderError):
        return replace(done, before=before)
    usage = done.usage + reply.usage
    if reply.refusal:
        return replace(done, before=before, usage=usage)
    draft = drafted(reply)
    second = _Round(draft, check(draft.sentences, evidence), usage, before)
    if draft.answered and second.standing < done.standing:
        return replace(done, before=before, usage=usage)
    return second


def _composed(
    question: str, done: _Round, items: Sequence[SourcedItem], seen: Sequence[Seen], answerer: Answerer
) -> Answer:
    sentences, numbers = statements(done.checked)
    by_id = {item.shown.id: item for item in items}
    cited = [(number, by_id[name]) for name, number in numbers.items()]
    why = _why_not(done.draft, sentences)
    name = answerer.model.name
    return Answer(
        question=question,
        text="\n".join(one.line for one in sentences) or f"The documents do not answer this: {why}.",
        sentences=sentences,
        citations=tuple(reference(number, item, _crop(item, answerer)) for number, item in cited),
        unanswered=bool(why),
        why=why,
        dropped=dropped(done.checked),
        checks=counts(done.checked),
        repaired=done.before,
        evidence={one.shown.id: one.shown.place for one in seen},
        pictures=sum(one.pixels is not None for one in seen),
        model=name,
        usage={name: done.usage},
        price=answerer.price.cost(done.usage) if answerer.price else None,
    )


def _why_not(draft: Draft, sentences: Sequence[Statement]) -> str:
    """Why the question is not answered; empty: it is."""
    if not draft.answered:
        return "the model found no answer in the evidence that it was shown"
    if not draft.sentences:
        return "the model said nothing"
    if not any(one.citations for one in sentences):
        return "nothing that the model said rests on the evidence that it was shown"
    return ""


def _refused(question: str, reply: Reply, answerer: Answerer, seen: Sequence[Seen]) -> Answer:
    """The model gave no answer, and will give none."""
    why = " ".join(reply.refusal.split())
    return replace(
        silent(question, why),
        text=f"There is no answer: {why}.",
        evidence={one.shown.id: one.shown.place for one in seen},
        pictures=sum(one.pixels is not None for one in seen),
        model=answerer.model.name,
        usage={answerer.model.name: reply.usage},
        price=answerer.price.cost(reply.usage) if answerer.price else None,
    )


def _crop(item: SourcedItem, answerer: Answerer) -> str | None:
    return None if item.picture else answerer.crop(item)


def _seen(items: Sequence[SourcedItem], most: int) -> list[Seen]:
    """The evidence with the first pictures as they are sent; one that cannot be read is shown by its words alone."""
    seen: list[Seen] = []
    room = MOST_PICTURES
    for item in items:
        pixels = _pixels(item.picture, f"the picture of {item.shown.document}", most) if item.picture and room else None
        room -= pixels is not None
        seen.append(Seen(replace(item.shown, pixels=pixels is not None), pixels))
    return seen


def _pixels(file: Path, name: str, most: int) -> ImagePart | None:
    from diptych.models.image_input import prepare_image

    try:
        return prepare_image(file, name, most)
    except ExtractionError:
        return None


def _question_picture(file: Path | None, most: int) -> ImagePart | None:
    if file is None:
        return None
    pixels = _pixels(file, "the picture of the question", most)
    if pixels is None:
        raise QueryError(f"{file}: cannot be read as a picture; give a PNG, JPEG or WebP file")
    return pixels
