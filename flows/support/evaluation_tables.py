"""The result of an evaluation as tables for the terminal and as a Markdown page for the Prefect UI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from diptych.printable import one_line
from flows.support.terminal import build_table
from flows.support.text import escape_markdown, pluralize

if TYPE_CHECKING:
    from rich.table import Table

    from diptych.evaluation.comparison import Arm, Evaluation
    from diptych.evaluation.metrics import Level
    from diptych.evaluation.statistics import Difference, Interval

REPORT = "report.html"
METRICS = ("recall@1", "recall@3", "recall@5", "recall@10", "mrr", "ndcg@10")
COLUMNS = ("arm", *(f"#{name}" for name in METRICS), "#ndcg to fused", "#ms", "#price")
TITLES = [name.lstrip("#") for name in COLUMNS]
LEGEND = (
    "reading    ±: 95 % interval; ?: the difference to fused may be chance; ms: search of one question, without "
    "encoding; price: of all questions, where a model is paid"
)


def evaluation_tables(evaluation: Evaluation) -> Iterator[Table]:
    """One table for each level (page, document) that has questions."""
    for level, count in evaluation.counts.items():
        if count:
            columns, rows = _used_columns(evaluation, level)
            yield build_table(columns, rows, f"By {level}: {pluralize(count, 'question')}")


def _used_columns(evaluation: Evaluation, level: Level) -> tuple[list[str], list[list[str]]]:
    """(`COLUMNS`, rows) without columns that are empty in every row."""
    rows = arm_rows(evaluation, level)
    used = [place for place in range(len(COLUMNS)) if any(row[place] for row in rows)]
    return [COLUMNS[place] for place in used], [[row[place] for place in used] for row in rows]


def arm_rows(evaluation: Evaluation, level: Level) -> list[list[str]]:
    """One row per arm, in the order of `COLUMNS`."""
    return [_arm_row(arm, level) for arm in evaluation.arms if level in arm.measured]


def _arm_row(arm: Arm, level: Level) -> list[str]:
    measured, change = arm.measured[level], arm.to_fused.get(level, {}).get("ndcg@10")
    cells = [
        _with_interval(measured[name], ".3f") if "recall" in name else f"{measured[name].mean:.3f}" for name in METRICS
    ]
    to_fused = f"{_with_interval(change, '+.3f')}{'' if change.clear else ' ?'}" if change else ""
    price = "unknown" if arm.price is None else f"${arm.price:.4f}" if arm.price else ""
    return [arm.name, *cells, to_fused, f"{1000 * arm.seconds:.1f}", price]


def _with_interval(found: Interval | Difference, form: str) -> str:
    """`0.825 ±.04`, with half of the interval."""
    return f"{found.mean:{form}} ±{(found.high - found.low) / 2:.2f}".replace("±0", "±")


def evaluation_notes(evaluation: Evaluation) -> list[str]:
    """How to read the tables, skipped questions, missing documents and the reason for the weights, one line each."""
    notes = [LEGEND, *(f"left out   {one_line(reason)}" for reason in evaluation.left_out)]
    if evaluation.missing:
        names = ", ".join(one_line(name, 60) for name in evaluation.missing[:3])
        more = ", …" if len(evaluation.missing) > 3 else ""
        documents = pluralize(len(evaluation.missing), "document")
        notes.append(f"note       the store lacks {documents} of the questions: {names}{more}")
    if evaluation.problem:
        notes.append(f"note       {one_line(evaluation.problem)}")
    if evaluation.suggestion:
        notes.append(f"weights    {evaluation.suggestion.reason}")
    return notes


def evaluation_markdown(evaluation: Evaluation, below_gate: str) -> str:
    """A page with the tables, the suggested weights and `below_gate`, which is empty if the gate was passed."""
    parts = [f"# {pluralize(len(evaluation.questions), 'question')}", f"**{below_gate}**" if below_gate else ""]
    for level, count in evaluation.counts.items():
        if count:
            columns, rows = _used_columns(evaluation, level)
            lines = [f"| {' | '.join(name.lstrip('#') for name in columns)} |", f"|{'---|' * len(columns)}"]
            lines += [f"| {' | '.join(map(escape_markdown, row))} |" for row in rows]
            parts += [f"## By {level}: {pluralize(count, 'question')}", "\n".join(lines)]
    if evaluation.suggestion:
        parts.append(f"Weights: {evaluation.suggestion.reason}.")
        parts.append(f"```toml\n{evaluation.suggestion.toml}\n```" if evaluation.suggestion.toml else "")
    parts += [f"- {escape_markdown(note)}" for note in evaluation_notes(evaluation) if not note.startswith("weights")]
    return "\n\n".join(part for part in parts if part)
