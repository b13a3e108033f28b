"""Plots of an evaluation as SVG. Matplotlib is imported only here, when the first plot is drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from diptych.evaluation.statistics import Interval

INK = "#858585"
"""Readable on white and on black."""
COLOURS = ("#3b82c4", "#d9822b", "#3d9970", "#b0589f", "#8a7f2c", "#c0504d", "#5f6fb5")
MAX_NAME = 28
"""Characters of a name beside an axis."""


@dataclass(frozen=True, slots=True)
class Series:
    """The intervals of one colour, one per group; None where there is none."""

    name: str
    values: Sequence[Interval | None]


def plot_intervals(groups: Sequence[str], series: Sequence[Series], title: str) -> str:
    """Means with their intervals, one row per group, as an `<svg>` element without scripts or links."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows = len(groups) * max(1, len(series))
    # Names come from users' files, so text is drawn as paths and never read as mathematics or markup.
    with rc_context({"svg.fonttype": "path", "text.parse_math": False, "svg.hashsalt": "diptych"}):
        figure = Figure(figsize=(5.7, 0.9 + 0.2 * rows + 0.1 * len(groups)), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        step = 0.8 / max(1, len(series))
        for number, one in enumerate(series):
            present = [(row, value) for row, value in enumerate(one.values) if value]
            axes.errorbar(
                [value.mean for _, value in present],
                [row - 0.4 + step * (number + 0.5) for row, _ in present],
                xerr=[
                    [max(0.0, value.mean - value.low) for _, value in present],
                    [max(0.0, value.high - value.mean) for _, value in present],
                ],
                fmt="o",
                color=COLOURS[number % len(COLOURS)],
                capsize=3,
                label=_printable(one.name),
            )
        axes.set_yticks(range(len(groups)), [_printable(group) for group in groups])
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.set_xlim(-0.02, 1.02)
        axes.set_title(_printable(title, 90), color=INK, fontsize=10, loc="left")
        axes.tick_params(colors=INK, labelsize=9)
        axes.grid(axis="x", color=INK, alpha=0.25)
        for spine in axes.spines.values():
            spine.set_color(INK)
            spine.set_alpha(0.4)
        if len(series) > 1:
            axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, labelcolor=INK, frameon=False)
        file = StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return _element_only(file.getvalue())


def _printable(name: str, length: int = MAX_NAME) -> str:
    """Short and on one line. Characters that the font may lack would cause a warning and an empty box."""
    line = " ".join("".join(c if c.isprintable() and ord(c) < 0x500 else "?" for c in name).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _element_only(svg: str) -> str:
    """Without the prolog, the metadata, and comments, which contain names."""
    body = re.sub(r"<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    return re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
