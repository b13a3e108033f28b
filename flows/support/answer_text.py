"""Pure: an answer as lines that a person reads, and as a page for the Prefect UI."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict

from diptych.answering.answer import Answer, Footnote, Reference
from diptych.models.meter import Meter
from flows.support.ingest_report import number
from flows.support.terminal import one_line

QUOTED = 110
"""Characters of a quote that are shown."""
VERDICTS = {
    "unknown id": ("citation", "of what was never shown"),
    "empty quote": ("quote", "that says nothing"),
    "altered quote": ("quote", "not found word for word in what is cited"),
    "other item": ("quote", "that stands in another source"),
    "stitched quote": ("quote", "stitched together from places apart"),
    "document": ("citation", "that names another document"),
    "page": ("citation", "with another page"),
    "figure": ("citation", "with another figure"),
    "number": ("number", "not found in what is cited for it"),
    "unconfirmed": ("mark", "as unconfirmed: only a machine's caption or the question says it"),
    "uncited": ("statement", "without a source"),
    "seen": ("citation", "of what a picture shows, where there are no words to compare"),
}
"""What a check found -> how it is counted for people."""


def lines(answer: Answer) -> Iterator[str]:
    """The answer, its sources, and what could not be confirmed or did not hold."""
    yield answer.text
    if answer.unanswered and answer.sentences:
        yield f"\nThe documents do not answer this: {answer.why}."
    if answer.citations:
        yield "\nSources"
    for source in answer.citations:
        yield f"[{source.number}] {place(source)}"
        yield from (f"    “{one_line(note.quote, QUOTED)}”" for note in notes(answer, source.number))
        if source.image:
            yield f"    {source.image}"
    for title, found in doubts(answer).items():
        yield f"\n{title}"
        yield from (f"- {line}" for line in found)


def doubts(answer: Answer) -> dict[str, list[str]]:
    """What a reader should know: title -> lines, none of them empty."""
    marked = [f"{one_line(one.text)} — {_placed(note, answer)}" for one in answer.sentences for note in one.notes]
    dropped = [f"{one_line(one.text)} — {_placed(one.reason, answer)}" for one in answer.dropped]
    found = {"Not confirmed": marked, "Dropped, because it did not hold": dropped}
    return {title: rows for title, rows in found.items() if rows}


def _placed(reason: str, answer: Answer) -> str:
    """The reason with documents and pages for ids, but not within its quotes."""
    parts = re.split("(“[^”]*”)", reason)
    return "".join(
        part if part.startswith("“") else re.sub(r"\bE\d+\b", lambda m: answer.evidence.get(m[0], m[0]), part)
        for part in parts
    )


def place(source: Reference) -> str:
    """`manual.pdf, page 3, figure 2: Figure 2: the pump`."""
    return source.place + (f": {one_line(source.caption, QUOTED)}" if source.caption else "")


def notes(answer: Answer, reference: int) -> list[Footnote]:
    """The quotes from one source, each once."""
    found = {note: None for one in answer.sentences for note in one.citations if note.number == reference}
    return [note for note in found if note.quote]


def checked(answer: Answer) -> str:
    """`5 pieces of evidence, 1 picture; 2 of 3 statements confirmed; 1 number not found in what is cited for it`."""
    parts = [f"{number(len(answer.evidence), 'piece')} of evidence, {number(answer.pictures, 'picture')}"]
    stand = {one.text for one in answer.sentences}
    all_told = len(answer.sentences) + len({one.text for one in answer.dropped} - stand)
    if all_told:
        confirmed = sum(not one.marks for one in answer.sentences)
        parts.append(f"{confirmed} of {number(all_told, 'statement')} confirmed")
    for kind, (noun, found) in VERDICTS.items():
        if count := answer.checks.get(kind, 0):
            parts.append(f"{number(count, noun)} {found}")
    return "; ".join([*parts, "the model was asked once more"] if answer.repaired else parts)


def record(answer: Answer, meter: Meter) -> dict[str, object]:
    """For JSON, with all that was paid for the question: a paid encoder reads it, too."""
    used = meter.usage()
    known = all(meter.price(model) for model, _ in used)
    paid = {
        "usage": {model: asdict(usage) for (model, _), usage in used.items()},
        "price": meter.spent if known else None,
    }
    return answer.as_dict() | paid


def markdown(answer: Answer) -> str:
    """A page for the UI; every word of a document or a model stands as text, not as markup."""
    parts = [f"**{_text(answer.question)}**", ""]
    parts += [f"{_text(one.line)}\n" for one in answer.sentences] or [f"{_text(answer.text)}\n"]
    if answer.citations:
        parts += ["### Sources", ""]
    for source in answer.citations:
        quotes = " … ".join(one_line(note.quote, QUOTED) for note in notes(answer, source.number))
        parts.append(f"{source.number}. {_text(place(source))}" + (f" — “{_text(quotes)}”" if quotes else ""))
    for title, found in doubts(answer).items():
        parts += ["", f"### {title}", "", *(f"- {_text(line)}" for line in found)]
    return "\n".join([*parts, "", f"{_text(checked(answer))}"])


def _text(words: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&$-])", r"\\\1", one_line(words, 2000))
