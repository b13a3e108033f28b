"""What a person starts from the UI waits for its turn; only what the clock starts may be left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

DEPLOYED: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text())["deployments"]


def test_only_scheduled_runs_are_cancelled_when_another_is_at_work() -> None:
    cancelled = [one for one in DEPLOYED if one.get("concurrency_limit", {}).get("collision_strategy") == "CANCEL_NEW"]
    assert {one["name"] for one in cancelled} == {"nightly", "weekly"}
    assert all(one["schedules"] for one in cancelled)


def test_writers_take_turns() -> None:
    waiting = {
        one["entrypoint"].split(":")[1] for one in DEPLOYED if not one["schedules"] and "concurrency_limit" in one
    }
    assert waiting == {"backfill", "retry", "reindex"}
