"""Pure: what a run over many documents came to, as counts, sentences, rows and an exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from diptych.ingest import Outcome

COMPLETE, PARTIAL, FAILED = 0, 3, 4
"""Exit codes of a run over documents."""

STATUSES = ("complete", "partial", "failed", "unchanged")


def counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many documents ended in each status; all four are named."""
    found: Counter[str] = Counter(outcome.status for outcome in outcomes)
    return {status: found[status] for status in STATUSES}


def state(outcomes: Sequence[Outcome]) -> Literal["complete", "partial", "failed"]:
    """Of all documents together; one that is partial since an earlier run still is."""
    if any(outcome.status == "failed" for outcome in outcomes):
        return "failed"
    return "partial" if any(outcome.problems for outcome in outcomes) else "complete"


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """4 when a document failed, else 3 when one is partial, else 0."""
    return {"complete": COMPLETE, "partial": PARTIAL, "failed": FAILED}[state(outcomes)]


def sentence(outcomes: Sequence[Outcome]) -> str:
    """`14 documents: 12 complete, 2 unchanged; 61 pages, 180 passages, 44 pictures`."""
    found = counts(outcomes)
    if outcomes and found["unchanged"] == len(outcomes):
        partial = sum(bool(outcome.problems) for outcome in outcomes)
        as_before = f"nothing changed: {_number(len(outcomes), 'document')} as before"
        return as_before + (f", {partial} of them partial" if partial else "")
    parts = ", ".join(f"{found[status]} {status}" for status in STATUSES if found[status])
    new = [outcome for outcome in outcomes if outcome.status in ("complete", "partial")]
    sums = ", ".join(
        _number(sum(values), word)
        for word, values in (
            ("page", (outcome.pages for outcome in new)),
            ("passage", (outcome.passages for outcome in new)),
            ("picture", (outcome.pictures for outcome in new)),
        )
    )
    return f"{_number(len(outcomes), 'document')}: {parts or 'none'}" + (f"; {sums}" if new else "")


def line(outcome: Outcome) -> str:
    """One document in one line."""
    if outcome.status == "failed":
        return f"failed     {outcome.error or outcome.name}"
    if outcome.status == "unchanged":
        return f"unchanged  {outcome.name}"
    what = (
        f"{_number(outcome.pages, 'page')}, {_number(outcome.passages, 'passage')}, "
        f"{_number(outcome.pictures, 'picture')}, {outcome.seconds:.1f} s"
    )
    return f"{outcome.status:<9}  {outcome.name}: {what}"


def missing(outcome: Outcome) -> list[str]:
    """The places of a partial document that could not be read, one sentence each."""
    places = ((problem.page, problem.reason) for problem in outcome.problems)
    return [f"{outcome.name}, page {page}: {why}" if page else f"{outcome.name}: {why}" for page, why in places]


def record(outcome: Outcome) -> dict[str, object]:
    """The outcome as plain data for JSON: counts and ids, no pixels."""
    data = asdict(outcome)
    return data | {"seconds": round(outcome.seconds, 3), "problems": list(data["problems"])}


def rows(outcomes: Iterable[Outcome], limit: int = 500) -> list[dict[str, object]]:
    """At most `limit` rows for a table in the Prefect UI, what needs a person first."""
    order = {"failed": 0, "partial": 1, "complete": 2, "unchanged": 3}
    kept = sorted(outcomes, key=lambda outcome: (order[outcome.status], outcome.name))[:limit]
    return [
        {
            "status": outcome.status,
            "document": outcome.name,
            "pages": outcome.pages,
            "passages": outcome.passages,
            "pictures": outcome.pictures,
            "encoded": outcome.encoded,
            "seconds": round(outcome.seconds, 2),
            "missing": outcome.error or "; ".join(missing(outcome)),
        }
        for outcome in kept
    ]


def markdown(outcomes: Sequence[Outcome], left_out: Sequence[str], store: str) -> str:
    """The report as a page for the Prefect UI."""
    lines = [f"**{sentence(outcomes)}**", "", f"Store: `{store}`"]
    for title, found in (
        ("Failed", [outcome.error or outcome.name for outcome in outcomes if outcome.status == "failed"]),
        ("Missing parts", [place for outcome in outcomes for place in missing(outcome)]),
        ("Notes", [f"{outcome.name}: {note}" for outcome in outcomes for note in outcome.notes]),
        ("Left out", list(left_out)),
    ):
        if found:
            lines += ["", f"### {title}", *(f"- {_code(text)}" for text in found[:100])]
            lines += [f"- … and {len(found) - 100} more"] if len(found) > 100 else []
    return "\n".join(lines)


def _code(text: str) -> str:
    """As code, so that markup in a document's words stays words."""
    return "`" + " ".join(text.replace("`", "'").split()) + "`"


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
