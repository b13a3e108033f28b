"""What events say about failed documents."""

from __future__ import annotations

from typing import Any

import pytest

from diptych import Outcome
from flows.runs import events


def test_failure_that_needs_a_person_is_not_reported_as_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    emitted: list[dict[str, Any]] = []
    monkeypatch.setattr(events, "emit_event", lambda name, **parts: emitted.append(parts["payload"]))
    for needs_action in (False, True):
        outcome = Outcome("file:///a.pdf", "a.pdf", "failed", transient=True, needs_action=needs_action)
        events.DocumentEvents().emit(outcome)
    assert [one["transient"] for one in emitted] == [True, False]
