"""The result of an evaluation as tables for the terminal and as a Markdown page for the Prefect UI."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from diptych.printable import one_line
from flows.output.terminal import build_table
from flows.output.wording import escape_markdown, pluralize

if TYPE_CHECKING:
    from rich.table import Table

    from diptych.evaluation.comparison import Arm, Evaluation
    from diptych.evaluation.metrics import Level
    from diptych.evaluation.statistics import Interval

REPORT = "report.html"
METRICS = ("recall@1", "recall@3", "recall@5", "recall@10", "mrr", "ndcg@10")
COLUMNS = ("arm", *(f"#{name}" for name in METRICS), "#ndcg to fused", "#ms", "#price")
LEGEND = (
    "reading    ±: 95 % interval, from eight questions on; ?: the difference to fused may be chance; ms: search of one "
    "question, without encoding; price: of all questions, where a model is paid"
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


def _with_interval(found: Interval, form: str) -> str:
    """`0.825 ±.04`, with half of the interval; the mean alone if there are too few questions for one."""
    if not found.reliable:
        return f"{found.mean:{form}}"
    return f"{found.mean:{form}} ±{(found.high - found.low) / 2:.2f}".replace("±0", "±")


def arm_plot(evaluation: Evaluation, level: Level) -> str:
    """recall@10 of each arm with its 95 % interval, as an image in Markdown."""
    height, left, width = 24, 170, 500
    rows = [(arm.name, arm.measured[level]["recall@10"]) for arm in evaluation.arms if level in arm.measured]
    shapes = [  # on white: the UI may be dark
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{left}" y="14" fill="#555">recall@10, with 95 % intervals</text>',
    ]
    for row, (name, recall) in enumerate(rows, start=1):
        middle = row * height + height // 2
        low, mean, high = (left + width * value for value in (recall.low, recall.mean, recall.high))
        shapes += [
            f'<text x="{left - 10}" y="{middle + 4}" text-anchor="end" fill="#333">{escape(name)}</text>',
            f'<rect x="{left}" y="{middle - 8}" width="{width}" height="16" fill="#eee"/>',
            f'<rect x="{left}" y="{middle - 8}" width="{mean - left:.1f}" height="16" fill="#4a7ab5"/>',
            f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="#111" stroke-width="2"/>' if recall.reliable else "",
            f'<text x="{left + width + 10}" y="{middle + 4}" fill="#333">{recall.mean:.3f}</text>',
        ]
    size = f'width="{left + width + 60}" height="{(len(rows) + 1) * height}"'
    style = 'font-family="sans-serif" font-size="13"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{"".join(shapes)}</svg>'
    return f"![recall@10](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def evaluation_notes(evaluation: Evaluation) -> list[str]:
    """How to read the tables, skipped questions, missing documents and the reason for the weights, one line each."""
    notes = [LEGEND, *(f"left out   {one_line(reason)}" for reason in evaluation.left_out)]
    if evaluation.missing:
        names = ", ".join(one_line(name, 60) for name in evaluation.missing[:3])
        more = ", …" if len(evaluation.missing) > 3 else ""
        documents = pluralize(len(evaluation.missing), "document")
        notes.append(f"note       the store lacks {documents} of the questions: {names}{more}")
    notes += [f"note       {one_line(note)}" for note in evaluation.missing_pages[:3]]
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
            parts += [f"## By {level}: {pluralize(count, 'question')}", "\n".join(lines), arm_plot(evaluation, level)]
    if evaluation.suggestion:
        parts.append(f"Weights: {evaluation.suggestion.reason}.")
        parts.append(f"```toml\n{evaluation.suggestion.toml}\n```" if evaluation.suggestion.toml else "")
    parts += [f"- {escape_markdown(note)}" for note in evaluation_notes(evaluation) if not note.startswith("weights")]
    return "\n\n".join(part for part in parts if part)
