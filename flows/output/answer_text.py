"""Answers: settings of one question, lines for a terminal, and a Markdown page for the Prefect UI."""

from collections.abc import Iterable, Iterator

from diptych.answering.answer import SEEN_TITLE, Answer, Reference
from diptych.printable import one_line
from diptych.settings import Settings
from flows.output.wording import escape_markdown, pluralize

MAX_QUOTE = 110
"""Characters of a quote that are shown."""
VERDICTS = {
    "unknown id": ("citation", "of something that was not shown to the model"),
    "empty quote": ("quote", "without content"),
    "altered quote": ("quote", "not found word for word in the cited source"),
    "other item": ("quote", "found in a different source"),
    "stitched quote": ("quote", "stitched together from separate places"),
    "page": ("citation", "naming another page"),
    "figure": ("citation", "naming another figure"),
    "number": ("number", "not found in the source cited for it"),
    "unconfirmed": ("mark", "as unconfirmed: only a model caption or the question says so"),
    "uncited": ("statement", "without a source"),
    "seen": ("citation", "of what a picture shows, with no words to compare"),
    "verified": ("citation", "of what a picture shows, confirmed by a second look at it"),
    "refuted": ("citation", "of a picture that does not show it, as a second look at it found"),
}
"""Kind of verdict -> how it is counted: a noun, and what was found."""


def answer_settings(settings: Settings, model: str | None, verify: bool | None) -> Settings:
    """The settings with the options of one question; None: as configured."""
    return settings.model_copy(
        update={"answerer": model or settings.answerer, "verify": settings.verify if verify is None else verify}
    )


def answer_lines(answer: Answer) -> Iterator[str]:
    """The answer, its sources, and what could not be confirmed or was dropped."""
    if answer.sentences or not answer.seen:
        yield "\n".join(one.line for one in answer.sentences) or answer.text
    yield from _section(SEEN_TITLE, _seen(answer))
    if unanswered := _unanswered(answer):
        yield f"\n{unanswered}"
    if answer.citations:
        yield "\nSources"
    for source in answer.citations:
        yield f"[{source.number}] {_describe_source(source)}"
        yield from (f"    “{quote}”" for quote in _quotes(answer, source.number))
        if source.image:
            yield f"    {source.image}"
    for title, lines in _remarks(answer).items():
        yield from _section(title, lines)


def _unanswered(answer: Answer) -> str:
    """That something stands above although it does not answer the question; else empty."""
    has_text = answer.sentences or answer.seen
    return f"The documents do not answer this: {answer.why}." if answer.unanswered and has_text else ""


def answer_markdown(answer: Answer) -> str:
    """A page for the Prefect UI. Text from documents and models is escaped."""
    parts = [f"**{escape_markdown(answer.question)}**", ""]
    body = [one.line for one in answer.sentences] or ([] if answer.seen else [answer.text])
    parts += [f"{escape_markdown(line)}\n" for line in body]
    parts += _section(f"### {SEEN_TITLE}", map(escape_markdown, _seen(answer)))
    if unanswered := _unanswered(answer):
        parts += ["", escape_markdown(unanswered)]
    if answer.citations:
        parts += ["### Sources", ""]
    for source in answer.citations:
        quotes = escape_markdown(" … ".join(_quotes(answer, source.number)))
        place = escape_markdown(_describe_source(source))
        parts.append(f"{source.number}. {place}" + (f" — “{quotes}”" if quotes else ""))
    for title, lines in _remarks(answer).items():
        parts += _section(f"### {title}", map(escape_markdown, lines))
    return "\n".join([*parts, "", escape_markdown(checks_summary(answer))])


def checks_summary(answer: Answer) -> str:
    """`5 pieces of evidence, 1 picture; 2 of 3 statements confirmed; 1 number not found in the source cited for it`."""
    parts = [f"{pluralize(len(answer.evidence), 'piece')} of evidence, {pluralize(answer.pictures, 'picture')}"]
    kept = {one.text for one in (*answer.sentences, *answer.seen)}
    total = len(answer.sentences) + len(answer.seen) + len({one.text for one in answer.dropped} - kept)
    if total:
        confirmed = sum(one.confirmed for one in answer.sentences)
        parts.append(f"{confirmed} of {pluralize(total, 'statement')} confirmed")
    for kind, (noun, finding) in VERDICTS.items():
        if count := answer.checks.get(kind, 0):
            parts.append(f"{pluralize(count, noun)} {finding}")
    return "; ".join([*parts, "the model was asked a second time"] if answer.repaired else parts)


def _section(title: str, lines: Iterable[str]) -> list[str]:
    """Nothing without lines."""
    bullets = [f"- {line}" for line in lines]
    return [f"\n{title}", *bullets] if bullets else []


def _seen(answer: Answer) -> list[str]:
    """A line for each statement that only a picture shows."""
    return [f"{one_line(one.line)} — {answer.name_places('; '.join(one.notes))}" for one in answer.seen]


def _remarks(answer: Answer) -> dict[str, list[str]]:
    """Title -> lines about statements that were verified, were not confirmed or were dropped."""

    def notes(confirmed: bool) -> list[str]:
        noted = ((one, note) for one in answer.sentences if one.confirmed is confirmed for note in one.notes)
        return [f"{one_line(one.text)} — {answer.name_places(note)}" for one, note in noted]

    dropped = [f"{one_line(one.text)} — {answer.name_places(one.reason)}" for one in answer.dropped]
    return {
        "Verified by a second look at the picture": notes(True),
        "Not confirmed": notes(False),
        "Dropped, because the sources do not support it": dropped,
    }


def _describe_source(source: Reference) -> str:
    """`manual.pdf, page 3, figure 2: Figure 2: the pump`."""
    return source.place + (f": {one_line(source.caption, MAX_QUOTE)}" if source.caption else "")


def _quotes(answer: Answer, reference: int) -> list[str]:
    """The distinct quotes from one source, shortened."""
    notes = dict.fromkeys(
        note for one in (*answer.sentences, *answer.seen) for note in one.citations if note.number == reference
    )
    return [one_line(note.quote, MAX_QUOTE) for note in notes if note.quote]
