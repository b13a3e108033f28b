"""A floor under the search as it is, for runs that must not get worse: `page recall@10 >= 0.8`, joined by `and`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from diptych.errors import QueryError
from diptych.evaluation.arms import FUSED
from diptych.evaluation.comparison import Evaluation
from diptych.evaluation.metrics import LEVELS, NAMES, Level

_FORM = re.compile(r"\s*(\w+)\s+([\w@]+)\s*>=\s*([01]?\.?\d+)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Gate:
    level: Level
    metric: str
    least: float


def parse_gates(text: str) -> list[Gate]:
    """Raises `QueryError` telling what of it cannot be read."""
    return [_one(part) for part in re.split(r"\s+and\s+", text.strip())]


def _one(text: str) -> Gate:
    match = _FORM.fullmatch(text)
    if not match:
        raise QueryError(f"the gate {text.strip()!r} cannot be read; write: page recall@10 >= 0.8")
    level = next((one for one in LEVELS if one == match[1]), None)
    if not level:
        raise QueryError(f"the gate {text.strip()!r} names no level; choose among: {', '.join(LEVELS)}")
    if match[2].lower() not in NAMES:
        raise QueryError(f"the gate {text.strip()!r} names no metric; choose among: {', '.join(NAMES)}")
    if not 0 <= float(match[3]) <= 1:
        raise QueryError(f"the gate {text.strip()!r} asks for a number that is not between 0 and 1")
    return Gate(level, match[2].lower(), float(match[3]))


def gate_failure(gates: Sequence[Gate], evaluation: Evaluation) -> str:
    """One sentence on the first gate that does not hold; empty when all do.

    Raises `QueryError` when there is nothing to hold against one: no arm `fused`, no question at that level.
    """
    arm = evaluation.arm(FUSED)
    for gate in gates:
        found = arm and arm.measured.get(gate.level, {}).get(gate.metric)
        if not found:
            lacking = f"no question says anything about a {gate.level}" if arm else f"the arm {FUSED!r} was not run"
            raise QueryError(f"the gate on {gate.level} {gate.metric} cannot be judged: {lacking}")
        if found.mean < gate.least:
            return (
                f"below the gate: {gate.level} {gate.metric} is {found.mean:.3f} (95 %: {found.low:.2f} to "
                f"{found.high:.2f}), not >= {gate.least:g}"
            )
    return ""
