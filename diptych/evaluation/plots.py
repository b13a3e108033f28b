"""Plots of an evaluation as SVG; the one home of matplotlib, which is imported when the first is drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from diptych.evaluation.statistics import Interval

INK = "#858585"
"""Readable on white and on black."""
COLOURS = ("#3b82c4", "#d9822b", "#3d9970", "#b0589f", "#8a7f2c", "#c0504d", "#5f6fb5")
LONGEST = 28
"""Characters of a name beside an axis."""


@dataclass(frozen=True, slots=True)
class Series:
    """One colour: a value for every group, None where there is none."""

    name: str
    values: Sequence[Interval | None]


def bars(groups: Sequence[str], series: Sequence[Series], title: str) -> str:
    """Points with their intervals, a row for each group, as an `<svg>` element without scripts or links."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows = len(groups) * max(1, len(series))
    # Names come from a file: no part of them may be read as mathematics, nor as markup, so all text is drawn as paths.
    with rc_context({"svg.fonttype": "path", "text.parse_math": False, "svg.hashsalt": "diptych"}):
        figure = Figure(figsize=(5.7, 0.9 + 0.2 * rows + 0.1 * len(groups)), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        step = 0.8 / max(1, len(series))
        for number, one in enumerate(series):
            held = [(row, value) for row, value in enumerate(one.values) if value]
            places = [row - 0.4 + step * (number + 0.5) for row, _ in held]
            means = [value.mean for _, value in held]
            below = [max(0.0, value.mean - value.low) for _, value in held]
            above = [max(0.0, value.high - value.mean) for _, value in held]
            colour = COLOURS[number % len(COLOURS)]
            axes.errorbar(
                means, places, xerr=[below, above], fmt="o", color=colour, capsize=3, label=_readable(one.name)
            )
        axes.set_yticks(range(len(groups)), [_readable(group) for group in groups])
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.set_xlim(-0.02, 1.02)
        axes.set_title(_readable(title, 90), color=INK, fontsize=10, loc="left")
        axes.tick_params(colors=INK, labelsize=9)
        axes.grid(axis="x", color=INK, alpha=0.25)
        for spine in axes.spines.values():
            spine.set_color(INK)
            spine.set_alpha(0.4)
        if len(series) > 1:
            axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, labelcolor=INK, frameon=False)
        drawn = StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return _bare(drawn.getvalue())


def _readable(name: str, longest: int = LONGEST) -> str:
    """On one line and short; a character that the font lacks would be a warning and a box."""
    line = " ".join("".join(c if c.isprintable() and ord(c) < 0x500 else "?" for c in name).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _bare(svg: str) -> str:
    """The element alone: no prolog, no comments (they hold the names), no metadata."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    return re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
