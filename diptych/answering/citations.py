"""Whether an answer's citations are true: pure text work on what was shown, without a model.

A citation fails when its id was never shown, when its quote does not stand there word for word, or when document, page
or figure are others. A sentence fails when no citation of it holds, or when it states a number that no cited evidence
states. What cannot be confirmed (a number that only a machine's caption gives, a fact without a source) is marked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from diptych.answering.claims import labels_of, pages_of, states_a_fact, without_places
from diptych.answering.numbers import Numeral, numerals, standing
from diptych.answering.quotes import Miss, missing, plain
from extractors.formats import is_row

Failure = Literal[
    "unknown id", "empty quote", "altered quote", "other item", "stitched quote", "document", "page", "figure", "number"
]
Mark = Literal["unconfirmed", "uncited", "seen"]
"""`unconfirmed`: only a machine's caption or the question says so. `uncited`: a fact without a source. `seen`: rests on
the pixels of a picture, where there are no words to compare."""
Kind = Literal["true"] | Failure | Mark
MARKS: tuple[Mark, ...] = ("unconfirmed", "uncited", "seen")


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One piece of evidence as the model saw it."""

    id: str
    """`E1`, `E2` …"""
    document: str
    page: int | None = None
    folio: int | None = None
    """The number printed on the page, where it is another."""
    label: str = ""
    """Normalised: `figure 3`, `table 2`."""
    title: str = ""
    heading: tuple[str, ...] = ()
    text: str = ""
    """The document's own words, citable: caption and text of a passage; caption, words inside and sentences about a
    picture."""
    machine: str = ""
    """What a vision model wrote about the picture, never the document's word."""
    pixels: bool = False
    """Whether the picture itself was shown."""

    @property
    def place(self) -> str:
        """`manual.pdf, page 3, figure 2`; `report.pdf, page 20 (printed 17)`; `products.csv#17`."""
        printed = "" if self.folio is None else f" (printed {self.folio})"
        page = f"page {self.page}{printed}" if self.page and not is_row(self.document) else ""
        return ", ".join(filter(None, [self.document, page, self.label]))

    @property
    def own(self) -> str:
        """Everything that the document itself says here."""
        return "\n¶\n".join(filter(None, [self.title, *self.heading, self.text]))  # no quote runs over a ¶


@dataclass(frozen=True, slots=True)
class Citation:
    id: str
    quote: str = ""
    document: str | None = None
    page: int | None = None
    figure: str | None = None
    """A label as the model writes it: `Fig. 3`."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer, its citations beside it, no marks of them in the text."""

    text: str
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of a citation or of a whole sentence found."""

    kind: Kind
    reason: str
    """One sentence."""
    citation: int | None = None
    """Its place in the sentence; None: about the sentence."""

    @property
    def fails(self) -> bool:
        return self.kind != "true" and self.kind not in MARKS


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence and all that was found."""

    sentence: Sentence
    verdicts: tuple[Verdict, ...] = ()

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Those that hold."""
        failed = {verdict.citation for verdict in self.verdicts if verdict.fails}
        return tuple(one for at, one in enumerate(self.sentence.citations) if at not in failed)

    @property
    def stands(self) -> bool:
        """Whether the sentence may be kept: a citation of it holds, if it has any, and its numbers and places do."""
        if any(verdict.fails and verdict.citation is None for verdict in self.verdicts):
            return False
        return bool(self.citations) or not self.sentence.citations

    @property
    def failures(self) -> tuple[Verdict, ...]:
        """What the model is told to mend; a fact without a source is among it."""
        return tuple(verdict for verdict in self.verdicts if verdict.fails or verdict.kind == "uncited")

    @property
    def marks(self) -> tuple[Verdict, ...]:
        """What is kept, and said beside it."""
        return tuple(verdict for verdict in self.verdicts if verdict.kind in MARKS)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was shown in one request."""

    items: Sequence[EvidenceItem]
    question: str = ""
    by_id: Mapping[str, EvidenceItem] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {item.id: item for item in self.items})

    def __getitem__(self, name: str) -> EvidenceItem | None:
        return self.by_id.get(name.strip(" []()").upper())


def check(sentences: Sequence[Sentence], evidence: Evidence) -> list[Checked]:
    """Every sentence with its verdicts, in order."""
    return [Checked(sentence, tuple(_of_sentence(sentence, evidence))) for sentence in sentences]


def counts(checked: Sequence[Checked]) -> dict[str, int]:
    """Kind of verdict -> how many."""
    return dict(Counter(verdict.kind for one in checked for verdict in one.verdicts))


def _of_sentence(sentence: Sentence, evidence: Evidence) -> Iterator[Verdict]:
    verdicts = [_of_citation(at, one, evidence) for at, one in enumerate(sentence.citations)]
    yield from verdicts
    good = [
        item
        for one, verdict in zip(sentence.citations, verdicts, strict=True)
        if not verdict.fails and (item := evidence[one.id])
    ]
    if sentence.citations and not good:
        return  # it falls with its citations
    if not good and states_a_fact(sentence.text):
        yield Verdict("uncited", "it states a fact and cites nothing")
    yield from _of_places(sentence.text, good)
    for numeral in numerals(without_places(sentence.text, [item.document for item in good])):
        if verdict := _of_number(numeral, good, evidence):
            yield verdict


# --- one citation -------------------------------------------------------------------------------------------------


def _of_citation(at: int, citation: Citation, evidence: Evidence) -> Verdict:
    item = evidence[citation.id]
    if item is None:
        return Verdict("unknown id", f"{_short(citation.id, 20)} was never shown", at)
    if citation.document is not None and citation.document != item.document:
        return Verdict("document", f"{item.id} is from {item.document}, not from {_short(citation.document, 60)}", at)
    if citation.page is not None and citation.page not in (item.page, item.folio):
        return Verdict("page", f"{item.id} stands on page {item.page}, not on page {citation.page}", at)
    if citation.figure and not any(_named(one, item) for one in labels_of(citation.figure)):
        return Verdict("figure", f"{item.id} is {item.label or 'no figure'}, not {_short(citation.figure, 40)}", at)
    return _of_quote(at, citation, item, evidence)


def _of_quote(at: int, citation: Citation, item: EvidenceItem, evidence: Evidence) -> Verdict:
    quote = citation.quote
    if not plain(quote) and item.pixels:
        return Verdict("seen", f"{item.id} is cited for what its picture shows, which no words confirm", at)
    miss = missing(quote, item.own)
    if miss is None:
        return Verdict("true", f"the quote stands in {item.id}", at)
    if miss == "empty":
        return Verdict("empty quote", f"the quote from {item.id} says nothing: {_quoted(quote)}", at)
    if item.machine and missing(quote, item.machine) is None:
        return Verdict("unconfirmed", f"only a machine's description of {item.id} says {_quoted(quote)}", at)
    elsewhere = next((one.id for one in evidence.items if not missing(quote, one.own)), "")
    if elsewhere:
        return Verdict("other item", f"{_quoted(quote)} stands in {elsewhere}, not in {item.id}", at)
    return _missed(at, quote, item, miss)


def _missed(at: int, quote: str, item: EvidenceItem, miss: Miss) -> Verdict:
    if miss == "apart":
        reason = f"the parts of {_quoted(quote)} stand in different places of {item.id}, or in another order"
        return Verdict("stitched quote", reason, at)
    if miss == "negated":
        return Verdict("stitched quote", f"the ellipsis in {_quoted(quote)} leaves out a negation of {item.id}", at)
    if miss == "cut":
        return Verdict("altered quote", f"{_quoted(quote)} cuts a word or a number of {item.id} short", at)
    return Verdict("altered quote", f"{_quoted(quote)} does not stand in {item.id}", at)


# --- places and numbers of a sentence -----------------------------------------------------------------------------


def _of_places(text: str, good: Sequence[EvidenceItem]) -> Iterator[Verdict]:
    """The figure and page numbers that the sentence names are those of what it cites, or named there."""
    if not good:
        return
    for label in labels_of(text):
        if not any(_named(label, item) for item in good):
            cited = ", ".join(f"{item.id} ({item.label or 'no figure'})" for item in good)
            yield Verdict("figure", f"it speaks of {label}, but cites {cited}")
    for page in pages_of(text):
        if not any(page in (item.page, item.folio) or page in pages_of(item.own) for item in good):
            cited = ", ".join(f"{item.id} (page {item.page})" for item in good)
            yield Verdict("page", f"it speaks of page {page}, but cites {cited}")


def _of_number(numeral: Numeral, good: Sequence[EvidenceItem], evidence: Evidence) -> Verdict | None:
    """None: cited evidence states it."""
    if numeral.value is None and numeral.shown.upper() in evidence.by_id:
        return Verdict("number", f"the text names the id {numeral.shown}, which readers do not know; only cite it")
    found = {standing(numeral, item.own) for item in good}
    if "stands" in found:
        return None
    shown = _short(numeral.shown, 40)
    if "no percent" in found:
        return Verdict("unconfirmed", f"{shown} stands in the evidence, but nothing there says that it is a percentage")
    if any(standing(numeral, item.machine) == "stands" for item in good if item.machine):
        return Verdict("unconfirmed", f"only a machine's description says {shown}")
    if evidence.question and standing(numeral, evidence.question) == "stands":
        return Verdict("unconfirmed", f"{shown} stands in the question, not in the cited evidence")
    elsewhere = next((one.id for one in evidence.items if standing(numeral, one.own) == "stands"), "")
    if elsewhere:
        return Verdict("number", f"{shown} stands in {elsewhere}, which the sentence does not cite")
    return Verdict("number", f"{shown} stands in no evidence; what a model computed or read off a chart is no source")


def _same_label(one: str, other: str) -> bool:
    """Figure 3a and figure 3 are one; a panel and another panel are not."""
    if not one or not other:
        return False
    return one == other or re.sub(r"(?<=\d)[a-z]$", "", one) == other or one == re.sub(r"(?<=\d)[a-z]$", "", other)


def _named(label: str, item: EvidenceItem) -> bool:
    """Whether the item is that figure or table, or speaks of it."""
    return _same_label(label, item.label) or any(_same_label(label, one) for one in labels_of(item.own))


def _quoted(quote: str) -> str:
    return f"“{_short(quote, 80)}”"


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
