"""Pure: what a run over many documents came to, as counts, sentences, rows and an exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

from flows.support.removed_documents import NONE, Departures

if TYPE_CHECKING:
    from diptych.pipeline.ingest import Outcome
    from diptych.store.register import DocumentRecord

COMPLETE, PARTIAL, FAILED = 0, 3, 4
"""Exit codes of a run over documents."""

STATUSES = ("complete", "partial", "failed", "unchanged", "waiting")


def counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many documents ended in each status; all of them are named."""
    found: Counter[str] = Counter(outcome.status for outcome in outcomes)
    return {status: found[status] for status in STATUSES}


def state(outcomes: Sequence[Outcome], departures: Departures = NONE) -> Literal["complete", "partial", "failed"]:
    """Of all documents together; one that is partial since an earlier run still is.

    An unconfirmed delete makes it partial as well, and so do documents that wait for a larger budget.
    """
    if any(outcome.status == "failed" for outcome in outcomes):
        return "failed"
    lacking = any(outcome.problems or outcome.status == "waiting" for outcome in outcomes)
    return "partial" if lacking or departures.kept else "complete"


def exit_code(outcomes: Sequence[Outcome], departures: Departures = NONE) -> int:
    """4 when a document failed, else 3 when one is partial or waits, or deletes wait to be confirmed, else 0."""
    return {"complete": COMPLETE, "partial": PARTIAL, "failed": FAILED}[state(outcomes, departures)]


def sentence(outcomes: Sequence[Outcome], departures: Departures = NONE) -> str:
    """`14 documents: 12 complete, 2 unchanged; 61 pages, 180 passages, 44 pictures; 1 deleted`."""
    deleted, kept = len(departures.deleted), len(departures.kept)
    more = f"; {deleted} deleted" * bool(deleted) + f"; {kept} gone, not deleted" * bool(kept)
    return _done(outcomes, nothing=not more) + more


def _done(outcomes: Sequence[Outcome], nothing: bool) -> str:
    """`nothing`: besides these documents nothing was done."""
    found = counts(outcomes)
    if nothing and outcomes and found["unchanged"] == len(outcomes):
        partial = sum(bool(outcome.problems) for outcome in outcomes)
        as_before = f"nothing changed: {number(len(outcomes), 'document')} as before"
        return as_before + (f", {partial} of them partial" if partial else "")
    parts = ", ".join(f"{found[status]} {status}" for status in STATUSES if found[status])
    new = [outcome for outcome in outcomes if outcome.status in ("complete", "partial")]
    sums = ", ".join(
        number(sum(values), word)
        for word, values in (
            ("page", (outcome.pages for outcome in new)),
            ("passage", (outcome.passages for outcome in new)),
            ("picture", (outcome.pictures for outcome in new)),
        )
    )
    return f"{number(len(outcomes), 'document')}: {parts or 'none'}" + (f"; {sums}" if new else "")


def line(outcome: Outcome) -> str:
    """One document in one line."""
    if outcome.status == "failed":
        return f"failed     {outcome.error or outcome.name}"
    if outcome.status in ("unchanged", "waiting"):
        return f"{outcome.status:<9}  {outcome.name}"
    what = (
        f"{number(outcome.pages, 'page')}, {number(outcome.passages, 'passage')}, "
        f"{number(outcome.pictures, 'picture')}, {outcome.seconds:.1f} s"
    )
    return f"{outcome.status:<9}  {outcome.name}: {what}"


def stopped(outcomes: Iterable[Outcome]) -> str:
    """Why documents wait, and how to go on; empty when none does."""
    return next((outcome.error for outcome in outcomes if outcome.status == "waiting"), "")


def missing(outcome: Outcome) -> list[str]:
    """The places of a partial document that could not be read, one sentence each."""
    places = ((problem.page, problem.reason) for problem in outcome.problems)
    return [f"{outcome.name}, page {page}: {why}" if page else f"{outcome.name}: {why}" for page, why in places]


def departed(departures: Departures, most: int = 10) -> Iterator[str]:
    """One line for each document that was deleted, at most `most` for those that were kept, and what to do then."""
    for document in departures.deleted:
        yield f"deleted    {document.name}: {why_gone(document)}"
    for document in departures.kept[:most]:
        yield f"gone       {document.name}: {why_gone(document)}"
    if departures.kept:
        yield f"note       {unconfirmed(departures)}"


def unconfirmed(departures: Departures) -> str:
    """Why documents that are gone were kept, and the way out."""
    return (
        f"{len(departures.kept)} of {departures.covered} documents are gone from their place, too many to delete "
        f"unasked: look whether a disk or a folder is missing; `{departures.confirm}` deletes them"
    )


def why_gone(document: DocumentRecord) -> str:
    return "its catalogue has that row no more" if "#" in document.uri else "its file is gone"


def departed_records(departures: Departures) -> Iterator[dict[str, object]]:
    """For JSON: status `deleted`, or `gone` where it waits to be confirmed."""
    for status, documents in (("deleted", departures.deleted), ("gone", departures.kept)):
        for document in documents:
            yield {"uri": document.uri, "name": document.name, "status": status}


def record(outcome: Outcome) -> dict[str, object]:
    """The outcome as plain data for JSON: counts and ids, no pixels."""
    data = asdict(outcome)
    return data | {"seconds": round(outcome.seconds, 3), "problems": list(data["problems"])}


def rows(outcomes: Iterable[Outcome], limit: int = 500) -> list[dict[str, object]]:
    """At most `limit` rows for a table in the Prefect UI, what needs a person first."""
    order = {"failed": 0, "partial": 1, "waiting": 2, "complete": 3, "unchanged": 4}
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


def markdown(
    outcomes: Sequence[Outcome],
    left_out: Sequence[str],
    store: str,
    departures: Departures = NONE,
    usage: Sequence[str] = (),
) -> str:
    """The report as a page for the Prefect UI. `usage`: one line a paid model."""
    lines = [f"**{sentence(outcomes, departures)}**", "", f"Store: `{store}`"]
    if why := stopped(outcomes):
        lines += ["", _code(why)]
    if departures.kept:
        lines += ["", f"{_code(unconfirmed(departures))}, or this flow with `confirm_deletes`."]
    for title, found in (
        ("Failed", [outcome.error or outcome.name for outcome in outcomes if outcome.status == "failed"]),
        ("Missing parts", [place for outcome in outcomes for place in missing(outcome)]),
        ("Notes", [f"{outcome.name}: {note}" for outcome in outcomes for note in outcome.notes]),
        ("Left out", list(left_out)),
        ("Paid models", list(usage)),
        ("Deleted", [f"{one.name}: {why_gone(one)}" for one in departures.deleted]),
        ("Gone, not deleted", [f"{one.name}: {why_gone(one)}" for one in departures.kept]),
    ):
        if found:
            lines += ["", f"### {title}", *(f"- {_code(text)}" for text in found[:100])]
            lines += [f"- … and {len(found) - 100} more"] if len(found) > 100 else []
    return "\n".join(lines)


def _code(text: str) -> str:
    """As code, so that markup in a document's words stays words."""
    return "`" + " ".join(text.replace("`", "'").split()) + "`"


def number(count: int, word: str) -> str:
    """`1 page`, `2 pages`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
