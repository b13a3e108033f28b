"""Checks the citations of an answer against the evidence that the model was shown. Plain text work, no model.

A citation fails if its id was never shown or its quote is not there verbatim. A sentence fails if none of its citations
holds, or if it names a page, a figure or a number that is not in the cited evidence. What cannot be confirmed (a number
that only a model caption states, a fact without a source) is marked.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from diptych.answering.numbers import Number, check_number, find_numbers
from diptych.answering.quotes import QuoteProblem, find_quote_problem, normalise_text
from diptych.answering.statements import labels_in, needs_source, page_numbers_in, strip_places
from diptych.search.place_wording import describe_place
from extractors.layout.labels import figure_label

Mark = Literal["unconfirmed", "uncited", "seen", "verified"]
"""`unconfirmed`: stated only by a model caption or the question. `uncited`: a fact without a source. `seen`: rests on
the pixels of a picture, with no words to compare. `verified`: the same, confirmed by a second look at the picture."""
MARKS: tuple[Mark, ...] = get_args(Mark)
Failure = Literal[
    "unknown id", "empty quote", "altered quote", "other item", "stitched quote", "page", "figure", "number", "refuted"
]
Kind = Literal["true"] | Failure | Mark
QUOTE_FAILURES: dict[QuoteProblem, tuple[Failure, str]] = {
    "apart": ("stitched quote", "the parts of {quote} are in different places of {id}, or in another order"),
    "negated": ("stitched quote", "the ellipsis in {quote} leaves out a negation in {id}"),
    "cut": ("altered quote", "{quote} cuts off a word or a number of {id}"),
    "absent": ("altered quote", "{quote} is not in {id}"),
    "empty": ("empty quote", "the quote from {id} is empty or too short: {quote}"),
}
"""Why a quote is not verbatim -> kind of verdict and its reason."""


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One numbered item of evidence as the model sees it."""

    id: str
    """`E1`, `E2` …"""
    document: str
    page: int | None = None
    folio: int | None = None
    """The printed page number, if it differs from `page`."""
    label: str = ""
    """Normalised: `figure 3`, `table 2`."""
    title: str = ""
    heading: tuple[str, ...] = ()
    text: str = ""
    """The document's own words, which may be cited: caption and text of a passage; caption, words and context of a
    picture."""
    machine: str = ""
    """The model caption of the picture, which is not a source."""
    has_image: bool = False
    """Whether the picture itself was shown."""
    paged: bool = True
    """False for a part of a file without pages, the place of which is its heading path."""

    @property
    def place(self) -> str:
        """`manual.pdf, page 3, figure 2`; `report.pdf, page 20 (printed 17)`; `guide.html, Care`; `products.csv#17`."""
        place = describe_place(self.document, self.page, self.folio, paged=self.paged, heading=self.heading)
        return ", ".join(filter(None, [self.document, place, self.label]))

    @property
    def own_words(self) -> str:
        """Title, headings and text, separated by ¶ so that no quote can span two of them."""
        return "\n¶\n".join(filter(None, [self.title, *self.heading, self.text]))


@dataclass(frozen=True, slots=True)
class Citation:
    id: str
    """The id of an item as the model wrote it."""
    quote: str = ""

    @property
    def item_id(self) -> str:
        """The id as the evidence spells it."""
        return self.id.strip(" []()").upper()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer; its citations are not part of the text."""

    text: str
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of checking one citation, or something about the sentence."""

    kind: Kind
    reason: str
    """One sentence."""
    citation: int | None = None
    """Index of the citation; None if the verdict is about the sentence."""

    @property
    def fails(self) -> bool:
        return self.kind != "true" and self.kind not in MARKS


@dataclass(frozen=True, slots=True)
class CheckedSentence:
    sentence: Sentence
    verdicts: tuple[Verdict, ...] = ()

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The citations that hold."""
        failed = {verdict.citation for verdict in self.verdicts if verdict.fails}
        return tuple(citation for at, citation in enumerate(self.sentence.citations) if at not in failed)

    @property
    def passes(self) -> bool:
        """Whether to keep the sentence: its numbers and places hold, and at least one citation if it has any."""
        if any(verdict.fails and verdict.citation is None for verdict in self.verdicts):
            return False
        return bool(self.citations) or not self.sentence.citations

    @property
    def failures(self) -> tuple[Verdict, ...]:
        """What the model must correct, including facts without a source."""
        return tuple(verdict for verdict in self.verdicts if verdict.fails or verdict.kind == "uncited")

    @property
    def marks(self) -> tuple[Verdict, ...]:
        """What is kept but could not be confirmed."""
        return tuple(verdict for verdict in self.verdicts if verdict.kind in MARKS)


class Evidence:
    """All items shown in one request, and the question."""

    def __init__(self, items: Iterable[EvidenceItem], question: str = "") -> None:
        self.by_id = {item.id: item for item in items}
        self.question = question


def check_sentences(sentences: Sequence[Sentence], evidence: Evidence) -> list[CheckedSentence]:
    return [CheckedSentence(sentence, tuple(_check_sentence(sentence, evidence))) for sentence in sentences]


def count_verdicts(checked: Sequence[CheckedSentence]) -> dict[str, int]:
    """Kind of verdict -> count."""
    return dict(Counter(verdict.kind for sentence in checked for verdict in sentence.verdicts))


def _check_sentence(sentence: Sentence, evidence: Evidence) -> Iterator[Verdict]:
    verdicts = [_citation_verdict(at, citation, evidence) for at, citation in enumerate(sentence.citations)]
    yield from verdicts
    cited = [
        item
        for citation, verdict in zip(sentence.citations, verdicts, strict=True)
        if not verdict.fails and (item := evidence.by_id.get(citation.item_id))
    ]
    if sentence.citations and not cited:
        return  # the sentence fails with its citations
    if not cited and needs_source(sentence.text):
        yield Verdict("uncited", "it states a fact and cites nothing")
    yield from _place_verdicts(sentence.text, cited)
    for number in find_numbers(strip_places(sentence.text, [item.document for item in cited])):
        if verdict := _number_verdict(number, cited, evidence):
            yield verdict


def _citation_verdict(at: int, citation: Citation, evidence: Evidence) -> Verdict:
    item = evidence.by_id.get(citation.item_id)
    if item is None:
        return Verdict("unknown id", f"{shorten(citation.id, 20)} was never shown", at)
    quote = citation.quote
    if not normalise_text(quote) and item.has_image:
        return Verdict("seen", f"{item.id} is cited for what its picture shows, which no words confirm", at)
    problem = find_quote_problem(quote, item.own_words)
    if problem is None:
        return Verdict("true", f"the quote is in {item.id}", at)
    if item.machine and find_quote_problem(quote, item.machine) is None:
        return Verdict("unconfirmed", f"only a model caption of {item.id} says {_in_quotes(quote)}", at)
    for other in evidence.by_id.values():
        if not find_quote_problem(quote, other.own_words):
            return Verdict("other item", f"{_in_quotes(quote)} is in {other.id}, not in {item.id}", at)
    kind, reason = QUOTE_FAILURES[problem]
    return Verdict(kind, reason.format(quote=_in_quotes(quote), id=item.id), at)


def _place_verdicts(text: str, cited: Sequence[EvidenceItem]) -> Iterator[Verdict]:
    """Figures and pages named in the sentence must be those of the cited items, or be mentioned there."""
    if not cited:
        return
    for label in labels_in(text):
        if not any(_same_label(label, named) for item in cited for named in (item.label, *labels_in(item.own_words))):
            items = ", ".join(f"{item.id} ({item.label or 'no figure'})" for item in cited)
            yield Verdict("figure", f"it names {label}, but cites {items}")
    for page in page_numbers_in(text):
        if not any(page in (item.page, item.folio) or page in page_numbers_in(item.own_words) for item in cited):
            items = ", ".join(f"{item.id} (page {item.page})" for item in cited)
            yield Verdict("page", f"it names page {page}, but cites {items}")


def _number_verdict(number: Number, cited: Sequence[EvidenceItem], evidence: Evidence) -> Verdict | None:
    """None if cited evidence states the number."""
    if number.value is None and number.shown.upper() in evidence.by_id:
        return Verdict("number", f"the text names the id {number.shown}, which readers do not know; only cite it")
    found = {check_number(number, item.own_words) for item in cited}
    if "stated" in found:
        return None
    shown = shorten(number.shown, 40)
    if "no percent" in found:
        return Verdict("unconfirmed", f"the evidence states {shown}, but not that it is a percentage")
    if any(check_number(number, item.machine) == "stated" for item in cited if item.machine):
        return Verdict("unconfirmed", f"only a model caption says {shown}")
    if evidence.question and check_number(number, evidence.question) == "stated":
        return Verdict("unconfirmed", f"{shown} is in the question, not in the cited evidence")
    for item in evidence.by_id.values():
        if check_number(number, item.own_words) == "stated":
            return Verdict("number", f"{shown} is in {item.id}, which the sentence does not cite")
    return Verdict(
        "number", f"{shown} is not in the evidence; computed values and values read off a chart do not count"
    )


def _same_label(one: str, other: str) -> bool:
    """Figure 3a and figure 3 are the same; figures 3a and 3b are not."""
    if not one or not other:
        return False
    return one == other or figure_label(one) == other or one == figure_label(other)


def _in_quotes(quote: str) -> str:
    return f"“{shorten(quote, 80)}”"


def shorten(text: str, length: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
