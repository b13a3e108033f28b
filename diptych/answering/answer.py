"""An answer as people and scripts get it: sentences that stood the checks, their sources, and what fell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from diptych.answering.citations import Checked, Citation
from diptych.answering.evidence import SourcedItem
from diptych.prices import Usage


@dataclass(frozen=True, slots=True)
class Reference:
    """A source of the answer."""

    number: int
    """As the text names it: [1]."""
    id: str
    """As the model knew it: E3."""
    modality: str
    kind: str
    document: str
    source: str
    """Path of the file or URI, as of a hit."""
    page: int | None
    folio: int | None
    """The number printed on that page, where it is another."""
    bbox: list[float] | None
    label: str
    caption: str
    place: str
    """All of this for people: `manual.pdf, page 3, figure 2`."""
    image: str | None
    """Path of the picture; of a passage, of the crop of its place on the page, where there is one."""


@dataclass(frozen=True, slots=True)
class Footnote:
    number: int
    """Of the reference."""
    quote: str
    """Word for word from it; empty: the sentence rests on what the picture shows."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that stood the checks."""

    text: str
    citations: tuple[Footnote, ...] = ()
    marks: tuple[str, ...] = ()
    """`unconfirmed`, `uncited`, `seen`: what no check could confirm."""
    notes: tuple[str, ...] = ()
    """Why, in one sentence each."""

    @property
    def line(self) -> str:
        """`The pump hums. [1][3] (unconfirmed)`."""
        numbers = "".join(f"[{number}]" for number in dict.fromkeys(cited.number for cited in self.citations))
        marks = f" ({', '.join(self.marks)})" if self.marks else ""
        return f"{self.text} {numbers}".rstrip() + marks


@dataclass(frozen=True, slots=True)
class Dropped:
    """A sentence that fell, or a citation that fell where its sentence stands."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    question: str
    text: str
    """A line for each sentence that stands, with [1] behind it and a mark where nothing confirms it."""
    sentences: tuple[Statement, ...] = ()
    citations: tuple[Reference, ...] = ()
    unanswered: bool = False
    """The documents do not answer, as far as they were shown."""
    why: str = ""
    """Why not, in one sentence."""
    dropped: tuple[Dropped, ...] = ()
    checks: Mapping[str, int] = field(default_factory=dict)
    """Kind of verdict -> how many, of the answer that is judged here."""
    repaired: Mapping[str, int] = field(default_factory=dict)
    """The same of the first answer, when it had to be mended; else empty."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """Everything that the model was shown: id -> document, page, label."""
    pictures: int = 0
    """How many of it as pixels, too."""
    model: str = ""
    usage: Mapping[str, Usage] = field(default_factory=dict)
    """By model."""
    price: float | None = 0.0
    """US dollars; None: unknown."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON; the text is called `answer`."""
        fields = asdict(self)
        return {"question": fields.pop("question"), "answer": fields.pop("text"), **fields}


def silent(question: str, why: str) -> Answer:
    """No answer, and no request was made."""
    return Answer(question, f"The documents do not answer this: {why}.", unanswered=True, why=why)


def statements(checked: Sequence[Checked]) -> tuple[tuple[Statement, ...], dict[str, int]]:
    """What stands, and the number of each piece of evidence that it cites, by id, in the order of the text."""
    kept = [one for one in checked if one.stands]
    ids = dict.fromkeys(name_of(citation) for one in kept for citation in one.citations)
    numbers = {name: number for number, name in enumerate(ids, start=1)}
    return tuple(_statement(one, numbers) for one in kept), numbers


def _statement(one: Checked, numbers: Mapping[str, int]) -> Statement:
    cited = dict.fromkeys(Footnote(numbers[name_of(c)], " ".join(c.quote.split())) for c in one.citations)
    marks = dict.fromkeys(verdict.kind for verdict in one.marks)
    return Statement(one.sentence.text, tuple(cited), tuple(marks), tuple(verdict.reason for verdict in one.marks))


def dropped(checked: Sequence[Checked]) -> tuple[Dropped, ...]:
    return tuple(
        Dropped(one.sentence.text, verdict.reason) for one in checked for verdict in one.verdicts if verdict.fails
    )


def reference(number: int, item: SourcedItem, crop: str | None) -> Reference:
    """`crop`: path of a picture of a passage's place on its page."""
    hit = item.hit
    return Reference(
        number=number,
        id=item.shown.id,
        modality=hit.modality,
        kind=hit.kind,
        document=hit.document,
        source=hit.source,
        page=hit.page,
        folio=item.shown.folio,
        bbox=hit.bbox,
        label=item.shown.label,
        caption=hit.caption,
        place=item.shown.place,
        image=str(item.picture) if item.picture else crop,
    )


def name_of(citation: Citation) -> str:
    """The id in the spelling of the evidence."""
    return citation.id.strip(" []()").upper()
