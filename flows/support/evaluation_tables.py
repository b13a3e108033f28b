"""What an evaluation shows to people: tables for the terminal and for the UI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.table import Table

from flows.support.ingest_report import number
from flows.support.terminal import one_line, table

if TYPE_CHECKING:
    from diptych.evaluation.comparison import Arm, Evaluation
    from diptych.evaluation.metrics import Level

GATE = 5
"""Exit code of an evaluation below its gate."""
REPORT = "report.html"
SHOWN = ("recall@1", "recall@3", "recall@5", "recall@10", "mrr", "ndcg@10")
COLUMNS = ("arm", *(f"#{name}" for name in SHOWN), "#ndcg to fused", "#ms", "#price")


def tables(found: Evaluation) -> Iterator[Table]:
    """One a level that the questions say anything about."""
    for level, count in found.counts.items():
        if count:
            yield table(COLUMNS, rows(found, level), f"{level}: {number(count, 'question')}")


def rows(found: Evaluation, level: Level) -> list[list[str]]:
    """Cells of each arm, in the order of `COLUMNS`."""
    return [_row(arm, level) for arm in found.arms if level in arm.measured]


def _row(arm: Arm, level: Level) -> list[str]:
    means = [arm.measured[level][name] for name in SHOWN]
    change = arm.to_fused.get(level, {}).get(SHOWN[-1])
    told = f"{change.mean:+.3f}{'' if change.clear else ' ?'}" if change else ""
    price = "unknown" if arm.price is None else f"${arm.price:.4f}" if arm.price else ""
    half = (means[-3].high - means[-3].low) / 2
    cells = [f"{one.mean:.3f}" for one in means]
    cells[3] += f" ±{half:.2f}"
    return [arm.name, *cells, told, f"{1000 * arm.seconds:.1f}", price]


def notes(found: Evaluation) -> list[str]:
    """What else a person should know, a line each."""
    told = [f"left out   {one_line(reason)}" for reason in found.left_out]
    if found.missing:
        names = ", ".join(one_line(name, 60) for name in found.missing[:3])
        more = ", …" if len(found.missing) > 3 else ""
        told.append(
            f"note       the store lacks {number(len(found.missing), 'document')} of the questions: {names}{more}"
        )
    if found.suggestion:
        told.append(f"weights    {found.suggestion.reason}")
    return told


def markdown(found: Evaluation, below: str) -> str:
    """For the UI: the tables, the suggestion, the gate."""
    parts = [f"# {number(len(found.questions), 'question')}", f"**{below}**" if below else ""]
    heads = [name.lstrip("#") for name in COLUMNS]
    for level, count in found.counts.items():
        if count:
            lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
            lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows(found, level)]
            parts += [f"## By {level}: {number(count, 'question')}", "\n".join(lines)]
    if found.suggestion:
        parts.append(f"Weights: {found.suggestion.reason}.")
        parts.append(f"```toml\n{found.suggestion.toml}\n```" if found.suggestion.toml else "")
    parts += [f"- {_cell(note)}" for note in notes(found) if not note.startswith("weights")]
    return "\n\n".join(part for part in parts if part)


def _cell(text: str) -> str:
    """Names of documents may hold anything; none of it becomes markup."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#!|&" else c for c in one_line(text))
