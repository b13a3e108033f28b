"""Events that ingesting flows emit, for automations and for the Prefect UI: ids, counts, states and reasons.

Events name documents but never contain their text. Unchanged documents have none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from prefect.context import FlowRunContext
from prefect.events import emit_event

from diptych.store.points import document_id
from flows.deployment.flow_settings import store_reference

if TYPE_CHECKING:
    from diptych.pipeline.ingest import Outcome
    from diptych.store.register import DocumentRecord

MAX_EVENTS = 1000
"""Events per run and status. The event of the run counts all documents; its report lists them."""
REPORTED = ("complete", "partial", "failed")
"""Statuses with an event per document. Those that wait for a larger budget all have the same reason: the run's."""


class DocumentEvents:
    """Emits the events of single documents in one flow run."""

    def __init__(self) -> None:
        self._emitted: Counter[str] = Counter()

    def emit(self, outcome: Outcome) -> None:
        if outcome.status in REPORTED:
            reason = outcome.error or next((problem.reason for problem in outcome.problems), "")
            counts = {name: getattr(outcome, name) for name in ("pages", "passages", "pictures", "seconds")}
            details = {**counts, "problems": len(outcome.problems), "transient": _passes_by_itself(outcome)}
            self._emit(outcome.status, outcome.uri, outcome.name, {**details, "reason": reason})

    def emit_deleted(self, documents: Sequence[DocumentRecord]) -> None:
        for document in documents:
            self._emit("deleted", document.uri, document.name, {})

    def _emit(self, status: str, uri: str, name: str, payload: dict[str, Any]) -> None:
        self._emitted[status] += 1
        if self._emitted[status] <= MAX_EVENTS:
            resource = {"prefect.resource.id": f"diptych.document.{document_id(uri)}", "prefect.resource.name": name}
            emit_event(f"diptych.document.{status}", resource=resource, payload=payload)


def _passes_by_itself(outcome: Outcome) -> bool:
    """Whether automations may try again: a missing password, for example, needs a person."""
    return outcome.transient and not outcome.needs_action


def emit_run_event(outcomes: Sequence[Outcome], status: str, counts: dict[str, Any]) -> None:
    """Report the end of the current flow run, as `diptych.run.finished`.

    Its resource has the labels `diptych.flow`, `diptych.store`, `diptych.status`, and `diptych.transient`, which is
    `yes` if documents failed that may succeed later by themselves.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    store = store_reference((context.parameters or {}).get("store"))
    transient = sum(_passes_by_itself(outcome) and outcome.status == "failed" for outcome in outcomes)
    resource = {
        "prefect.resource.id": f"diptych.run.{context.flow_run.id}",
        "prefect.resource.name": context.flow_run.name,
        "diptych.flow": context.flow.name if context.flow else "",
        "diptych.store": store or "default",
        "diptych.status": status,
        "diptych.transient": "yes" if transient else "no",
    }
    emit_event("diptych.run.finished", resource=resource, payload={**counts, "store": store, "transient": transient})
