"""What part each line of text plays: running prose keeps figures apart, labels belong to them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from extractors import geometry
from extractors.page import Line, PageLayout
from extractors.types import Box

_BULLET = re.compile(r"^\s*(?:[•●▪■◦‣–\-*✓➢►]|\(?\d{1,2}[.)])\s+\S")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of one size that follow each other closely, one below the other."""

    lines: tuple[int, ...]
    box: Box
    words: int
    rows: int
    prose: bool
    """Sentences rather than labels."""
    size: float
    font: str
    bold: bool


def body_size(layout: PageLayout, usable: frozenset[int]) -> float:
    """The median font size of the characters of one page, 10 when it has none."""
    sizes = sorted((layout.lines[i].size, len(layout.lines[i].text)) for i in usable)
    half = sum(length for _, length in sizes) / 2
    for size, length in sizes:
        half -= length
        if half <= 0:
            return size
    return 10.0


def paragraphs(layout: PageLayout, usable: frozenset[int]) -> tuple[Paragraph, ...]:
    """The lines in `usable` that stand upright, grouped."""
    order = sorted((i for i in usable if layout.lines[i].horizontal), key=lambda i: layout.lines[i].box[1])
    groups: list[list[int]] = []
    open_groups: list[list[int]] = []
    for index in order:
        line = layout.lines[index]
        open_groups = [group for group in open_groups if line.box[1] - layout.lines[group[-1]].box[3] < 2 * line.size]
        group = next((group for group in open_groups if _follows(layout, group, line)), None)
        if group is None:
            group = []
            groups.append(group)
            open_groups.append(group)
        group.append(index)
    return tuple(_paragraph(layout, group) for group in groups)


def _follows(layout: PageLayout, group: list[int], line: Line) -> bool:
    """Whether `line` stands right below, or right beside, the end of `group`."""
    last = layout.lines[group[-1]]
    if abs(last.size - line.size) > 0.6:
        return False
    down = line.box[1] - last.box[3]
    if abs(line.box[3] - last.box[3]) < 0.3 * line.size:
        return abs(line.box[0] - last.box[2]) < 1.2 * line.size
    if not -0.6 * line.size < down < 0.75 * line.size:
        return False
    first = min((layout.lines[i] for i in group), key=lambda other: other.box[0])
    left = abs(line.box[0] - first.box[0]) < 2.5 * line.size
    centred = abs(line.box[0] + line.box[2] - last.box[0] - last.box[2]) < 2 * line.size
    return (left or centred) and geometry.horizontal_overlap(line.box, last.box) > 0.3


def _paragraph(layout: PageLayout, group: list[int]) -> Paragraph:
    lines = [layout.lines[i] for i in group]
    box = geometry.merge_boxes(line.box for line in lines)
    words = sum(len(_words(line.text)) for line in lines)
    rows = len({round(line.box[3] / (0.5 * line.size + 1)) for line in lines})
    main = max(lines, key=lambda line: len(line.text))
    return Paragraph(
        lines=tuple(group),
        box=box,
        words=words,
        rows=rows,
        prose=_reads_as_prose(lines, words, rows, box, main.size),
        size=main.size,
        font=main.font,
        bold=main.bold,
    )


def family(font: str) -> str:
    """`ABCDEF+Arial-BoldItalicMT` -> `arial`: what bold and italic of one typeface have in common."""
    name = re.split(r"[-,]", font.rsplit("+", 1)[-1])[0].lower()
    return re.sub(r"(mt|ps|bold|italic|oblique|regular|medium|light)+$", "", name)


def _words(text: str) -> list[str]:
    """Words of letters; languages that write without spaces count two signs a word."""
    words = [word for word in text.split() if any(c.isalpha() for c in word)]
    return [piece for word in words for piece in (re.findall(r"..?", word) if word[0] > "\u2e80" else [word])]


def _reads_as_prose(lines: list[Line], words: int, rows: int, box: Box, size: float) -> bool:
    if _BULLET.match(lines[0].text) and words >= 3:
        return True
    if rows == 1:
        return words >= 9 and box[2] - box[0] > 18 * size
    return words >= 11 and words / rows >= 3.6 and box[2] - box[0] > 11 * size
