"""The answer to a question: statements that passed the checks, their sources, and what was dropped."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from diptych.answering.citations import CheckedSentence
from diptych.answering.evidence import SourcedItem
from diptych.models.meter import Charge
from diptych.prices import Usage

SEEN_TITLE = "Seen in pictures, without words that confirm it"


@dataclass(frozen=True, slots=True)
class Reference:
    """A source of the answer."""

    number: int
    """Its number in the text: [1]."""
    id: str
    """Its id in the evidence: E3."""
    modality: str
    kind: str
    document: str
    source: str
    """Path of the file, or its URI, as in a hit."""
    page: int | None
    folio: int | None
    """The printed page number, if it differs from `page`."""
    bbox: list[float] | None
    label: str
    caption: str
    place: str
    """Document, page and label as readable text: `manual.pdf, page 3, figure 2`."""
    image: str | None
    """Path of the picture; for a passage, of an image of its place on the page, if there is one."""
    hit: str = ""
    """Id of the hit it was."""


@dataclass(frozen=True, slots=True)
class Footnote:
    number: int
    """Number of the reference."""
    quote: str
    """Verbatim; empty if the statement rests on what the picture shows."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that passed the checks."""

    text: str
    citations: tuple[Footnote, ...] = ()
    marks: tuple[str, ...] = ()
    """`unconfirmed`, `uncited` or `seen`: what no check could confirm; `verified`: by a second look at the picture."""
    notes: tuple[str, ...] = ()
    """The reason for each mark, one sentence each."""

    @property
    def confirmed(self) -> bool:
        return bool(self.citations) and set(self.marks) <= {"verified"}

    @property
    def only_seen(self) -> bool:
        """Whether the statement rests on nothing but what a picture shows, and nobody looked twice."""
        return "seen" in self.marks and not any(footnote.quote for footnote in self.citations)

    @property
    def line(self) -> str:
        """`The pump hums. [1][3] (unconfirmed)`."""
        numbers = "".join(f"[{number}]" for number in dict.fromkeys(footnote.number for footnote in self.citations))
        marks = f" ({', '.join(self.marks)})" if self.marks else ""
        return f"{self.text} {numbers}".rstrip() + marks


@dataclass(frozen=True, slots=True)
class Dropped:
    """A sentence that failed, or a citation that failed in a sentence that was kept."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    question: str
    text: str
    """One line for each statement, followed by its references and marks; those in `seen` come last, under a title."""
    sentences: tuple[Statement, ...] = ()
    seen: tuple[Statement, ...] = ()
    """Statements that rest on nothing but what a picture shows, which no words confirm."""
    citations: tuple[Reference, ...] = ()
    unanswered: bool = False
    """Whether the evidence does not answer the question."""
    failed: bool = False
    """Whether the model gave no usable answer: it refused, or the answer was empty, malformed or cut off."""
    resembles: bool = True
    """Whether anything in the store resembles the question; if not, no request was made."""
    why: str = ""
    """Why it is unanswered, in one sentence."""
    dropped: tuple[Dropped, ...] = ()
    checks: Mapping[str, int] = field(default_factory=dict)
    """Kind of verdict -> count, for the answer returned here."""
    repaired: Mapping[str, int] = field(default_factory=dict)
    """The same for the first answer if the model had to correct it, or else empty."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """Everything the model was shown: id -> document, page, label."""
    pictures: int = 0
    """How many items were shown as images."""
    model: str = ""
    usage: Mapping[str, Usage] = field(default_factory=dict)
    """By model, including a paid encoder's for the question."""
    price: float | None = 0.0
    """US dollars for all of them; None if the price of a model is unknown."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON; the text is called `answer`."""
        fields = asdict(self)
        return {"question": fields.pop("question"), "answer": fields.pop("text"), **fields}

    def name_places(self, reason: str) -> str:
        """A note or a reason with documents and pages instead of evidence ids, except inside quotes."""
        parts = re.split("(“[^”]*”)", reason)
        return "".join(
            part if part.startswith("“") else re.sub(r"\bE\d+\b", lambda m: self.evidence.get(m[0], m[0]), part)
            for part in parts
        )


def with_charges(answer: Answer, charges: Mapping[str, Charge]) -> Answer:
    """The answer with the usage and the price of what found its evidence, such as a paid encoder."""
    usage, price = dict(answer.usage), answer.price
    for model, charge in charges.items():
        used = Usage(charge.input_tokens, output_tokens=charge.output_tokens, requests=charge.requests)
        usage[model] = usage[model] + used if model in usage else used
        price = None if price is None or charge.usd is None else price + charge.usd
    return replace(answer, usage=usage, price=price)


def make_statements(checked: Sequence[CheckedSentence]) -> tuple[tuple[Statement, ...], dict[str, int]]:
    """(the sentences that passed, evidence id -> reference number in order of first citation)."""
    passed = [sentence for sentence in checked if sentence.passes]
    ids = dict.fromkeys(citation.item_id for sentence in passed for citation in sentence.citations)
    numbers = {id_: number for number, id_ in enumerate(ids, start=1)}
    statements = []
    for sentence in passed:
        footnotes = dict.fromkeys(Footnote(numbers[c.item_id], " ".join(c.quote.split())) for c in sentence.citations)
        marks = dict.fromkeys(verdict.kind for verdict in sentence.marks)
        notes = tuple(verdict.reason for verdict in sentence.marks)
        statements.append(Statement(sentence.sentence.text, tuple(footnotes), tuple(marks), notes))
    return tuple(statements), numbers


def join_statements(statements: Sequence[Statement], seen: Sequence[Statement]) -> str:
    """The text of an answer."""
    lines = [statement.line for statement in statements]
    if seen:
        lines += [*([""] if lines else []), f"{SEEN_TITLE}:", *(statement.line for statement in seen)]
    return "\n".join(lines)


def make_reference(number: int, source: SourcedItem, crop: str | None) -> Reference:
    """`crop` is the path of an image of a passage's place on its page."""
    hit, item = source.hit, source.item
    return Reference(
        number=number,
        id=item.id,
        modality=hit.modality,
        kind=hit.kind,
        document=hit.document,
        source=hit.source,
        page=hit.page,
        folio=item.folio,
        bbox=hit.bbox,
        label=item.label,
        caption=hit.caption,
        place=item.place,
        image=str(source.picture) if source.picture else crop,
        hit=hit.id,
    )
