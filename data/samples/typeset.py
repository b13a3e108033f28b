"""Breaks words into lines and parses the manual's mark-up into blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import count

from samples.sheet import width

Run = tuple[str, str]
"""Text and its font."""
Line = tuple[Run, ...]

HYPHENS = (
    "main-te-nance con-duc-tiv-ity mem-brane pre-serv-a-tive cross-sec-tion con-troller car-tridge car-tridges "
    "emer-gency pres-sure com-pressed dis-tances tem-per-a-ture sur-vives Brine-well water-maker drink-ing "
    "poly-propy-lene poly-car-bon-ate meta-bi-sul-phite hous-ings salin-ity de-stroys pho-tographed re-placed "
    "through cir-cu-late par-tic-u-lar crank-case out-put elec-tric-ity guar-an-teed strain-er con-tains "
    "col-lec-tion ex-changed di-men-sioned tight-ened tight-en plung-ers ce-ramic down-stream min-utes sec-onds"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of the manual. `kind`: h1 h2 text bullet step notice figure table break."""

    kind: str
    text: str
    number: str = ""
    """Of a heading, step or float; the signal word of a notice."""
    name: str = ""
    wide: bool = False
    rows: tuple[tuple[str, ...], ...] = ()
    ratios: tuple[float, ...] = ()


@cache
def _breaks() -> dict[str, list[str]]:
    return {word.replace("-", "").lower(): word.split("-") for word in HYPHENS.split()}


def _split(word: str, room: float, name: str, size: float) -> tuple[str, str] | None:
    """The longest hyphenated start of `word` that fits, and the rest."""
    match = re.match(r"(\w+)(\W*)$", word)
    parts = _breaks().get(match[1].lower()) if match else None
    if not parts:
        return None
    for keep in range(len(parts) - 1, 0, -1):
        cut = sum(len(part) for part in parts[:keep])
        if width(word[:cut] + "-", name, size) <= room:
            return word[:cut] + "-", word[cut:]
    return None


def wrap(text: str, room: float, size: float, base: str = "sans", strong: str = "bold") -> list[Line]:
    """Break `text` into lines of at most `room` points. `**bold**` changes the font, `~` is a hard space."""
    runs = [(part, strong if index % 2 else base) for index, part in enumerate(text.split("**"))]
    words = [(word, name) for part, name in runs for word in re.findall(r"\S+|\s+", part)]
    lines: list[list[Run]] = [[]]
    used = 0.0
    queue = [(word.replace("~", " "), name) for word, name in words]
    while queue:
        word, name = queue.pop(0)
        blank = word.isspace()
        long = width(" " if blank else word, name, size)
        if blank and not lines[-1]:
            continue
        if used + long <= room or not lines[-1] or blank:
            lines[-1].append((" " if blank else word, name))
            used += long
            continue
        pieces = _split(word, room - used, name, size)
        if pieces:
            lines[-1].append((pieces[0], name))
        queue.insert(0, (pieces[1] if pieces else word, name))
        lines.append([])
        used = 0.0
    return [joined for line in lines if (joined := _joined(line))]


def _joined(line: list[Run]) -> Line:
    """Neighbouring runs of one font as one, without blanks at the end."""
    result: list[Run] = []
    for text, name in line:
        if result and result[-1][1] == name:
            result[-1] = (result[-1][0] + text, name)
        else:
            result.append((text, name))
    while result and not result[-1][0].strip():
        result.pop()
    if result:
        result[-1] = (result[-1][0].rstrip(), result[-1][1])
    return tuple(result)


def parse(source: str) -> list[Block]:
    """Read the manual's mark-up; number its headings, figures and tables; resolve the references to them."""
    chunks = [chunk.strip("\n") for chunk in re.split(r"\n\s*\n|\n(?=#|\[|- |\d+\. )|(?<=\n)(?=#)", source)]
    lines = [part for chunk in chunks for part in _heads(chunk) if part]
    counters = {"figure": count(1), "table": count(1)}
    numbers: dict[str, str] = {}
    for line in lines:
        if match := re.match(r"\[(figure|table) (\w+)", line):
            numbers[f"{match[1]}:{match[2]}"] = f"{match[1].capitalize()}~{next(counters[match[1]])}"
    resolved = [re.sub(r"\{(\w+:\w+)\}", lambda match: numbers[match[1]], line) for line in lines]
    chapters, sections = [0], [0]
    return [_block(line, numbers, chapters, sections) for line in resolved]


def _heads(chunk: str) -> list[str]:
    """A heading is on a line of its own; text right after it starts a paragraph."""
    if not chunk.startswith("#"):
        return [chunk]
    head, _, rest = chunk.partition("\n")
    return [head, *_heads(rest)]


def _block(line: str, numbers: dict[str, str], chapters: list[int], sections: list[int]) -> Block:
    if line.startswith("# "):
        chapters[0] += 1
        sections[0] = 0
        return Block("h1", line[2:], str(chapters[0]))
    if line.startswith("## "):
        sections[0] += 1
        return Block("h2", line[3:], f"{chapters[0]}.{sections[0]}")
    if line == "---":
        return Block("break", "")
    if line.startswith("!! "):
        word, _, text = line[3:].partition(" ")
        return Block("notice", text, word)
    if line.startswith("- "):
        return Block("bullet", line[2:])
    if match := re.match(r"(\d+)\. (.*)", line, re.S):
        return Block("step", match[2], match[1])
    if match := re.match(r"\[(figure|table) (\w+)([^\]]*)\] ([^\n]*)\n?(.*)", line, re.S):
        kind, name, rest, caption, table = match.groups()
        return Block(
            kind,
            caption,
            numbers[f"{kind}:{name}"],
            name,
            "wide" in rest,
            tuple(tuple(cell.strip() for cell in row.strip()[1:-1].split("|")) for row in table.splitlines()),
            tuple(float(ratio) for ratio in rest.split() if ratio.isdigit()),
        )
    return Block("text", " ".join(line.split()))
