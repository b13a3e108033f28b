"""Gates: minimum values of metrics, such as `page recall@10 >= 0.8 and document mrr >= 0.9`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from diptych.errors import QueryError
from diptych.evaluation.arms import FUSED
from diptych.evaluation.comparison import Evaluation
from diptych.evaluation.metrics import LEVELS, METRICS, Level

_FORM = re.compile(r"\s*(\w+)\s+([\w@]+)\s*>=\s*([01]?\.?\d+)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Gate:
    level: Level
    metric: str
    minimum: float


def parse_gates(text: str) -> list[Gate]:
    """Raises `QueryError` for a gate that is malformed."""
    return [_parse_gate(part) for part in re.split(r"\s+and\s+", text.strip())]


def _parse_gate(text: str) -> Gate:
    match = _FORM.fullmatch(text)
    if not match:
        raise QueryError(f"the gate {text.strip()!r} is malformed; write, for example: page recall@10 >= 0.8")
    level = next((level for level in LEVELS if level == match[1]), None)
    if not level:
        raise QueryError(f"the gate {text.strip()!r} has an unknown level; use one of: {', '.join(LEVELS)}")
    if match[2].lower() not in METRICS:
        raise QueryError(f"the gate {text.strip()!r} has an unknown metric; use one of: {', '.join(METRICS)}")
    if not 0 <= float(match[3]) <= 1:
        raise QueryError(f"the gate {text.strip()!r} requires a value that is not between 0 and 1")
    return Gate(level, match[2].lower(), float(match[3]))


def gate_failure(gates: Sequence[Gate], evaluation: Evaluation) -> str:
    """One sentence about the first gate that is missed; empty if none is.

    Raises `QueryError` if a gate cannot be judged because the arm `fused` was not run, or no question has an answer at
    its level.
    """
    arm = evaluation.arm(FUSED)
    for gate in gates:
        found = arm and arm.measured.get(gate.level, {}).get(gate.metric)
        if not found:
            reason = f"no question has an answer at the {gate.level} level" if arm else f"the arm {FUSED!r} was not run"
            raise QueryError(f"cannot judge the gate on {gate.level} {gate.metric}: {reason}")
        if found.mean < gate.minimum:
            return (
                f"below the gate: {gate.level} {gate.metric} is {found.mean:.3f} (95 %: {found.low:.2f} to "
                f"{found.high:.2f}), not >= {gate.minimum:g}"
            )
    return ""
