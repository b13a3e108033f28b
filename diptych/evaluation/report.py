"""An evaluation as one HTML file to open from disk or to mail: no script, no network, pictures inside.

Names, captions and questions are other people's words: all of them are escaped, and a policy in the file forbids
everything but its own styles and pictures.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from diptych.evaluation.arms import DEPTH
from diptych.evaluation.comparison import Arm, Evaluation, Measured
from diptych.evaluation.metrics import LEVELS, NAMES, Level
from diptych.evaluation.plots import Series, bars
from diptych.evaluation.statistics import Difference, Interval
from diptych.evaluation.worst_questions import Worst, worst
from diptych.search.hits import Hit
from diptych.search.search import SearchContext
from extractors.errors import DiptychError
from extractors.formats import is_row

SIDE = 280
"""Longest side of a picture in pixels."""
MOST_BYTES = 6_000_000
"""Of all pictures together; the rest are told by their words."""
WORDS, QUESTION = 220, 600
"""Characters of a snippet and of a question that are shown."""
MOST_TYPES = 12
PLOTTED = ("fused", "bm25", "dense")
"""Arms that the plot by type compares, where they were run."""

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --ink: #222; --soft: #666; --back: #fafaf8; --line: #ddd; --card: #fff;
  --good: #17693b; --bad: #a4271b }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e3; --soft: #a5a5a0; --back: #171717; --line: #3a3a3a;
  --card: #202020; --good: #6fcf97; --bad: #f1948a } }
body { font: 14px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 72rem;
  margin: 1.5rem auto; padding: 0 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.4rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem } p { margin: .4rem 0 }
.soft, small { color: var(--soft) } small { font-size: 11px; white-space: nowrap; display: block }
.scroll { overflow-x: auto } .scroll table { overflow-wrap: break-word }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .3rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top }
th { font-weight: 600; white-space: nowrap } th:first-child, td:first-child { text-align: left }
td:first-child { max-width: 14rem }
tr.fused td { font-weight: 600 } tr.fused small { font-weight: 400 }
.good { color: var(--good) } .bad { color: var(--bad) }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start }
.plots img { max-width: 100%; height: auto }
article { background: var(--card); border: 1px solid var(--line); border-radius: 4px; padding: .8rem 1rem;
  margin: .8rem 0 }
article h3 { font-size: 1rem; margin: 0 0 .2rem }
.hits { display: grid; grid-template-columns: repeat(auto-fill, minmax(11.5rem, 1fr)); gap: .8rem; margin-top: .6rem }
figure { margin: 0; padding: .4rem; border: 1px solid var(--line); border-radius: 3px; font-size: 12px }
figure.wanted { border-color: var(--good) } figure img { max-width: 100%; max-height: 10rem; background: #fff;
  display: block; margin: 0 auto .3rem } figure b { display: block }
pre { background: var(--card); border: 1px solid var(--line); padding: .6rem; overflow-x: auto }
"""


def write_report(evaluation: Evaluation, context: SearchContext, out: Path) -> None:
    """Write the report to the file `out`, whose folder is made."""
    pictures = _Pictures()
    parts = [
        _head(evaluation),
        *(_table(evaluation, level) for level in LEVELS if evaluation.counts[level]),
        _plots(evaluation),
        _weights(evaluation),
        _types(evaluation),
        _worst(worst(evaluation, context), pictures),
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Diptych: evaluation</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{''.join(parts)}</body></html>\n",
        encoding="utf-8",
        errors="replace",
    )


# --- figures ------------------------------------------------------------------------------------------------------


def _head(evaluation: Evaluation) -> str:
    counts = ", ".join(f"{number} at the level of a {level}" for level, number in evaluation.counts.items() if number)
    lines = [
        "<h1>Which kind of retrieval works on these documents</h1>",
        f"<p>{_number(len(evaluation.questions), 'question')}: {counts}. In brackets: 95 % interval (bootstrap over "
        "documents). A question counts as answered at k when a wanted page, figure or document is among the first k "
        f"different ones of the hits. Times are of {DEPTH} hits a question on this machine, encoding included; nDCG to "
        "fused is coloured where its interval leaves zero out.</p>",
    ]
    lines += [f'<p class="bad">Left out: {escape(_short(one, 200))}</p>' for one in evaluation.left_out[:10]]
    if evaluation.missing:
        names = ", ".join(escape(_short(name, 80)) for name in evaluation.missing[:10])
        more = f" and {len(evaluation.missing) - 10} more" if len(evaluation.missing) > 10 else ""
        lines.append(
            f'<p class="bad">Not in the store, so that their questions cannot be answered: '
            f"{_number(len(evaluation.missing), 'document')} of the questions, {names}{more}</p>"
        )
    return "".join(lines)


def _table(evaluation: Evaluation, level: Level) -> str:
    columns = [*NAMES, "nDCG to fused", "better / worse", "ms a question", "price"]
    head = "".join(f"<th>{escape(name)}</th>" for name in ("arm", *columns))
    rows = "".join(_row(arm, level) for arm in evaluation.arms if level in arm.measured)
    return (
        f"<h2>By {level} <span class=soft>({_number(evaluation.counts[level], 'question')})</span></h2>"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _row(arm: Arm, level: Level) -> str:
    cells = [_mean(arm.measured[level][metric]) for metric in NAMES]
    difference = arm.to_fused.get(level, {}).get(NAMES[-1])
    cells += [_change(difference), f"{difference.better} / {difference.worse}" if difference else ""]
    cells += [f"{1000 * arm.seconds:.1f}", _price(arm.price)]
    marked = ' class="fused"' if arm.name == "fused" else ""
    return f"<tr{marked}><td>{escape(arm.name)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _price(price: float | None) -> str:
    if price is None:
        return "unknown"
    return f"${price:.4f}" if price else "nothing"


def _mean(found: Interval) -> str:
    return f"{found.mean:.3f}<small>[{found.low:.2f}, {found.high:.2f}]</small>"


def _change(found: Difference | None) -> str:
    if not found:
        return ""
    kind = "" if not found.clear else ' class="good"' if found.mean > 0 else ' class="bad"'
    return f"<span{kind}>{found.mean:+.3f}</span><small>[{found.low:+.2f}, {found.high:+.2f}]</small>"


def _plots(evaluation: Evaluation) -> str:
    names = [arm.name for arm in evaluation.arms]
    levels = [level for level in LEVELS if evaluation.counts[level]]
    drawn = [
        bars(
            names,
            [Series(level, [_held(arm.measured, level) for arm in evaluation.arms]) for level in levels],
            "recall@10 by arm, with 95 % intervals",
        )
    ]
    level: Level = "page" if evaluation.counts["page"] else "document"
    types = sorted(sorted(evaluation.types, key=lambda name: -evaluation.types[name])[:MOST_TYPES])
    chosen = [arm for arm in evaluation.arms if arm.name in PLOTTED] or list(evaluation.arms[:3])
    if types:
        series = [Series(arm.name, [_held(arm.by_type[kind], level) for kind in types]) for arm in chosen]
        drawn.append(bars(types, series, f"recall@10 by type of question, level of a {level}"))
    images = "".join(f'<img alt="plot" src="{_uri(svg.encode(), "image/svg+xml")}">' for svg in drawn)
    return f'<h2>Plots</h2><div class="plots">{images}</div>'


def _held(measured: Measured, level: Level) -> Interval | None:
    return measured.get(level, {}).get("recall@10")


def _types(evaluation: Evaluation) -> str:
    arm = evaluation.arm("fused")
    level: Level = "page" if evaluation.counts["page"] else "document"
    if not arm or not arm.by_type:
        return ""
    rows = "".join(
        f"<tr><td>{escape(_short(name, 120))}</td><td>{evaluation.types[name]}</td>"
        f"{''.join(f'<td>{_mean(found[level][metric])}</td>' for metric in NAMES)}</tr>"
        for name, found in arm.by_type.items()
        if level in found
    )
    head = "".join(f"<th>{name}</th>" for name in ("type", "questions", *NAMES))
    return (
        f"<h2>By type of question <span class=soft>(fused, level of a {level})</span></h2>"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _weights(evaluation: Evaluation) -> str:
    found = evaluation.suggestion
    if not found:
        return ""
    lines = f"<p>For diptych.toml:</p><pre>{escape(found.toml)}</pre>" if found.toml else ""
    return f"<h2>Weights</h2><p>{escape(found.reason)}.</p>{lines}"


# --- questions ----------------------------------------------------------------------------------------------------


class _Pictures:
    """Pictures of the store as data URIs, as many as there is room for."""

    def __init__(self) -> None:
        self.room = MOST_BYTES

    def element(self, path: str | None) -> str:
        from diptych.models.image_input import prepare_image

        if not path or not Path(path).is_file() or self.room <= 0:
            return ""
        try:
            pixels = prepare_image(Path(path), "a picture", SIDE)
        except DiptychError:
            return ""  # its words are shown all the same
        self.room -= len(pixels.data)
        return f'<img alt="" src="{_uri(pixels.data, pixels.media_type)}">'


def _worst(found: Sequence[Worst], pictures: _Pictures) -> str:
    if not found:
        return ""
    return f"<h2>The worst questions</h2>{''.join(_question(one, pictures) for one in found)}"


def _question(one: Worst, pictures: _Pictures) -> str:
    asked = one.question
    place = [asked.document, f"page {', '.join(map(str, asked.pages[:8]))}" if asked.pages else "", asked.label]
    told = f"its {one.level} comes at place {one.first}" if one.first else f"its {one.level} was not found"
    query = pictures.element(str(asked.query.image)) if asked.query.image else ""
    shown = [_figure(one.wanted, "wanted", pictures)] if one.wanted else []
    shown += [_figure(hit, f"hit {number}", pictures) for number, hit in enumerate(one.hits, start=1)]
    missing = "" if one.wanted else '<p class="bad">The store has nothing at the wanted place.</p>'
    return (
        f"<article><h3>{escape(_short(one.asked, QUESTION)) or 'a picture'}</h3>{query}"
        f'<p class="soft">{_joined([asked.id, *asked.types[:5]])} · wanted: {_joined(place)} · '
        f"{escape(told)}, nDCG@10 {one.score:.2f}</p>{missing}"
        f'<div class="hits">{"".join(shown)}</div></article>'
    )


def _figure(hit: Hit, name: str, pictures: _Pictures) -> str:
    page = f"page {hit.page}" if hit.page and not is_row(hit.document) else ""
    place = [hit.document, page, hit.label or hit.kind]
    words = escape(_short(hit.caption or hit.text, WORDS))
    kind = ' class="wanted"' if name == "wanted" else ""
    return f"<figure{kind}>{pictures.element(hit.image)}<b>{name}</b>{_joined(place)}<br>{words}</figure>"


def _joined(parts: Iterable[str]) -> str:
    return " · ".join(escape(_short(part, 120)) for part in parts if part)


def _short(text: str, longest: int) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _uri(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{b64encode(data).decode()}"
