"""The result of a run over documents: counts, sentences, table rows, a Markdown page and an exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flows.output.removals import NO_REMOVALS, Removals, removal_reason
from flows.output.terminal import ExitCode
from flows.output.wording import escape_markdown, markdown_code, markdown_link, pluralize

if TYPE_CHECKING:
    from diptych.pipeline.discovery.skipped_files import SkippedFile
    from diptych.pipeline.ingest import Outcome

STATUSES = ("complete", "partial", "failed", "unchanged", "waiting")
URGENCY = ("failed", "partial", "waiting", "complete", "unchanged")
"""Statuses in the order of table rows: those that need attention come first."""
MAX_ROWS = 200
"""Documents in the table in the Prefect UI."""
MAX_NAME = 48
"""Characters of a document's name in the table."""
CONTACT_SHEETS = "Each name is a link to a contact sheet: pictures, passages, and pages with their boxes."
NO_CONTACT_SHEETS = "To link documents to contact sheets, set `search_page` to the address of `diptych serve`."
MAX_ITEMS = 100
"""Items of each list on the Markdown page."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    outcomes: Sequence[Outcome]
    removals: Removals = NO_REMOVALS
    skipped: Sequence[SkippedFile] = ()

    @property
    def status(self) -> Literal["complete", "partial", "failed"]:
        """Of all documents together. Failed, too, if a place did not answer: its changes are missing.

        Partial if any document is partial, even since an earlier run, or waits for a larger budget, or waits to be
        deleted. Acknowledged documents count as complete.
        """
        outcomes = [outcome for outcome in self.outcomes if not outcome.acknowledged]
        if self.unreachable or any(outcome.status == "failed" for outcome in outcomes):
            return "failed"
        incomplete = any(outcome.problems or outcome.status == "waiting" for outcome in outcomes)
        return "partial" if incomplete or self.removals.unconfirmed else "complete"

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode[self.status.upper()]

    @property
    def counts(self) -> dict[str, int]:
        """Number of documents by status; every status is present."""
        found: Counter[str] = Counter(outcome.status for outcome in self.outcomes)
        return {status: found[status] for status in STATUSES}

    @property
    def unreachable(self) -> list[str]:
        """Addresses of places that did not answer."""
        return [one.path for one in self.skipped if one.unreachable]

    @property
    def summary(self) -> str:
        """`14 documents: 12 complete, 2 unchanged; 61 pages, 180 passages, 44 pictures; 1 deleted`."""
        unread = self.unreachable
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        return self._documents_summary + (f"; not read: {unread[0]}{more}" if unread else "")

    @property
    def _documents_summary(self) -> str:
        deleted, unconfirmed = len(self.removals.deleted), len(self.removals.unconfirmed)
        removed = f"; {deleted} deleted" * bool(deleted) + f"; {unconfirmed} gone, not deleted" * bool(unconfirmed)
        known = f"; {self.acknowledged} acknowledged" * bool(self.acknowledged)
        counts, total = self.counts, pluralize(len(self.outcomes), "document")
        if not removed and self.outcomes and counts["unchanged"] == len(self.outcomes):
            partial = sum(bool(outcome.problems) for outcome in self.outcomes)
            return f"nothing changed: {total} as before" + (f", {partial} of them partial" if partial else "") + known
        if not self.outcomes:
            return f"nothing to ingest{removed}"
        statuses = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        ingested = [outcome for outcome in self.outcomes if outcome.status in ("complete", "partial")]
        parts = "; " + _parts_count(*ingested) if ingested else ""
        return f"{total}: {statuses}{parts}{known}{removed}"

    @property
    def acknowledged(self) -> int:
        """Number of failed and partial documents that were acknowledged."""
        return sum(outcome.acknowledged for outcome in self.outcomes)

    @property
    def stop_reason(self) -> str:
        """Why documents wait for the next run, and how to continue; empty if none does."""
        return next((outcome.error for outcome in self.outcomes if outcome.status == "waiting"), "")

    def markdown(
        self, store: str, left_out: Sequence[str] = (), usage: Sequence[str] = (), search_page: str = ""
    ) -> str:
        """A page for the Prefect UI.

        `left_out`: files that were skipped and why; `usage`: one line per paid model; `search_page`: the address of
        `diptych serve`, to link documents to.
        """
        lines = [f"**{self.summary}**", "", f"Store: `{store}`"]
        if self.stop_reason:
            lines += ["", markdown_code(self.stop_reason)]
        if self.removals.unconfirmed:
            lines += ["", f"{markdown_code(self.removals.warning)}, as does this flow with `confirm_deletes`."]
        notes = (f"{outcome.name}: {note}" for outcome in self.outcomes for note in outcome.notes)
        for title, items in (
            ("Failed", [_failure(outcome) for outcome in self.outcomes if outcome.status == "failed"]),
            ("Missing parts", [part for outcome in self.outcomes for part in missing_parts(outcome)]),
            ("Notes", [*self.removals.describe_skipped(), *notes]),
            ("Left out", left_out),
            ("Paid models", usage),
            ("Deleted", [f"{one.name}: {self.removals.reason(one)}" for one in self.removals.deleted]),
            ("Gone, not deleted", [f"{one.name}: {removal_reason(one)}" for one in self.removals.unconfirmed]),
        ):
            if items:
                lines += ["", f"### {title}", *(f"- {markdown_code(item)}" for item in items[:MAX_ITEMS])]
                lines += [f"- … and {len(items) - MAX_ITEMS} more"] if len(items) > MAX_ITEMS else []
        if self.outcomes:
            lines += ["", "### Documents", "", CONTACT_SHEETS if search_page else NO_CONTACT_SHEETS, ""]
            lines += self._documents_table(search_page)
        return "\n".join(lines)

    def _documents_table(self, search_page: str) -> list[str]:
        """Documents that need attention first. Cells are short, because Prefect's first UI never wraps them."""
        ordered = sorted(self.outcomes, key=lambda outcome: (URGENCY.index(outcome.status), outcome.name))
        rows = [_document_cells(outcome, search_page) for outcome in ordered[:MAX_ROWS]]
        used = [name for name in rows[0] if any(row[name] for row in rows)]
        lines = [f"| {' | '.join(used)} |", f"|{'---|' * len(used)}"]
        lines += [f"| {' | '.join(row[name] for name in used)} |" for row in rows]
        more = len(ordered) - MAX_ROWS
        return [*lines, "", f"and {more} more"] if more > 0 else lines


def _document_cells(outcome: Outcome, search_page: str) -> dict[str, str]:
    """Column -> text in Markdown; empty for what took no time or money."""
    from diptych.models.meter import format_dollars
    from diptych.pipeline.stages import STAGES
    from diptych.store.points import document_id

    seconds = {**{f"{stage} s": outcome.stages.get(stage, 0) for stage in STAGES}, "total s": outcome.seconds}
    return {
        "document": markdown_link(_short_name(outcome.name), search_page, f"documents/{document_id(outcome.uri)}"),
        "status": outcome.status,
        **{name: str(getattr(outcome, name) or "") for name in ("pages", "passages", "pictures")},
        **{name: f"{value:.1f}" if value >= 0.05 else "" for name, value in seconds.items()},
        "cost": escape_markdown(format_dollars(outcome.usd)) if outcome.usd else "",
    }


def outcome_line(outcome: Outcome) -> str:
    """One document in one line."""
    if outcome.status == "failed":
        return f"failed     {_failure(outcome)}"
    if outcome.status in ("unchanged", "waiting"):
        return f"{outcome.status:<9}  {outcome.name}"
    return f"{outcome.status:<9}  {outcome.name}: {_parts_count(outcome)}, {outcome.seconds:.1f} s"


def missing_parts(outcome: Outcome) -> list[str]:
    """One sentence for each part of a partial document that could not be extracted or encoded."""
    places = ((problem.page, problem.reason) for problem in outcome.problems)
    return [f"{outcome.name}, page {page}: {why}" if page else f"{outcome.name}: {why}" for page, why in places]


def _short_name(name: str) -> str:
    """The end of a long name, which tells documents apart."""
    return name if len(name) <= MAX_NAME else "…" + name[1 - MAX_NAME :]


def _failure(outcome: Outcome) -> str:
    """The error of a failed document; empty for others."""
    return (
        (outcome.error or outcome.name) + " (acknowledged)" * outcome.acknowledged if outcome.status == "failed" else ""
    )


def outcome_record(outcome: Outcome) -> dict[str, object]:
    """The JSON record of one document."""
    record = asdict(outcome)
    return record | {"seconds": round(outcome.seconds, 3), "problems": list(record["problems"])}


def skipped_record(skipped: SkippedFile) -> dict[str, object]:
    """The JSON record of a file that was not read."""
    uri = skipped.place if "://" in skipped.place else Path(skipped.place).as_uri()
    return {"uri": uri, "name": skipped.path, "status": "skipped", "error": skipped.reason}


def _parts_count(*outcomes: Outcome) -> str:
    """`61 pages, 180 passages, 44 pictures`."""
    pages, passages, pictures = (
        sum(getattr(outcome, name) for outcome in outcomes) for name in ("pages", "passages", "pictures")
    )
    return f"{pluralize(pages, 'page')}, {pluralize(passages, 'passage')}, {pluralize(pictures, 'picture')}"
