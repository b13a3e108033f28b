"""The lines of text of one page as `Line`s: joined pieces, fonts, weights, sizes and boxes."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any

from extractors.geometry import merge_boxes
from extractors.layout.text_blocks import is_monospaced
from extractors.page import Line
from extractors.pdf.render import pymupdf
from extractors.pdf.symbol_fonts import read_numbered_symbols, read_symbols
from extractors.pdf.word_spaces import read_blocks, spans_of
from extractors.types import Box

MIN_WORD_SPACE, MAX_WORD_SPACE, MAX_KERNING = 0.12, 0.8, 0.15  # font sizes between words; overlap of pieces of one
MAX_RUN_IN_SPACE, MIN_RUN_IN_WORDS = 1.5, 3  # font sizes after a heading in bold; words of the sentence behind it
MAX_BASELINE_SHIFT = 0.1  # vertical distance of pieces of one line, in font sizes
# Not all files flag bold and italic fonts.
BOLD_NAME = re.compile(r"bold|black|heavy|(?:cm|ec|la|sf)(?:ss)?bx|romno9l-medi|[-,._](?:b|bd|sb)(?:i|it|cn|obl)?$")
ITALIC_NAME = re.compile(r"italic|oblique|[-,._](?:b|bd|sb|md)?(?:i|it|obl)$")
MIN_SMALL_CAPS = 0.6  # size of small capitals by that of the capitals
MAX_FONT_HEIGHT = 1.8  # font sizes; above, a font's metrics are wrong, and the next two are assumed instead
ASCENDER, DESCENDER = 1.0, 0.35
MAX_MARK_SIZE = 1.8  # size of a sign by that of the words beside it; larger ones are marks before headings
MIN_ASCENT = 0.4  # font sizes by which letters rise above their base line; less, and the metrics are wrong as well
MIN_BOLD_SHARE = 0.9  # letters of a bold line that are bold: fewer are words stressed in it
SUPERSCRIPT = 1  # flag of MuPDF for raised spans
MIN_ALPHA = 5  # opacity, of 255, from which on a text shows
VISIBLE_TEXT_FLAGS = 16 | 32 | 64  # of MuPDF: filled, stroked, used as a clip; a scanner's text layer is none of these

_PART = re.compile(r"\+[0-9a-f]{2}$")
"""What names the second part of a font whose characters do not fit into one, as ligatures in a "Sabon+fb"."""
_TEN = re.compile(r"(?<![\d.,])10$")
_EXPONENT = re.compile(r"[-−–]?\d{1,3}\b")
_WORD = re.compile(r"[^\W\d_]{2}|[^\W\d_\u0370-\u03ff\U0001d400-\U0001d7ff]")  # and no Greek symbol
_UNKNOWN_BULLET = re.compile(
    r"^(?:[\x01-\x08\x7f-\x9f\ue000-\uefff\uf100-\uf8ff]\s*|[\uf001-\uf0ff]\s+)"
    r"(?=[\"“(]?(?:[^\W\d_a-zß-ÿ][^\W\d_]{2}|[^\W\d_a-zß-ÿ][^\W\d_]? [^\W\d_]{2}))"
)
"""A symbol without a meaning of its own before a sentence; the fonts of bullets name them as they like."""
Transform = Callable[[Box], Box]
"""From a box of the page as stored to one of the page as displayed."""


def read_lines(page: Any, to_displayed: Transform, limits: Box) -> Iterator[Line]:
    """Yield the lines of a `pymupdf.Page` in the order of the file, those within `limits`."""
    m = pymupdf()
    flags = m.TEXT_PRESERVE_LIGATURES | m.TEXT_PRESERVE_WHITESPACE | m.TEXT_CLIP | m.TEXT_USE_CID_FOR_UNKNOWN_UNICODE
    a, b, c, d, *_ = tuple(page.rotation_matrix)
    blocks = read_blocks(page, flags)
    read_numbered_symbols(page, spans_of(blocks))
    for number, block in enumerate(blocks):
        for raw in _join_words(block.get("lines", ())):
            x, y = raw["dir"]
            line = _line(raw, number, (a * x + c * y, b * x + d * y), to_displayed)
            if line is None:
                continue
            x0, y0, x1, y1 = line.box
            if 0 <= (x0 + x1) / 2 <= limits[2] and 0 <= (y0 + y1) / 2 <= limits[3]:
                yield line


def _join_words(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of one block, with those joined that some typesetting programs cut at every word."""
    joined: list[dict[str, Any]] = []
    for raw in lines:
        # Some files write the space before a word as a tiny blank.
        line = {**raw, "spans": [span for span in raw["spans"] if span["text"].strip() or span["size"] > 1]}
        for span in line["spans"]:
            span["font"] = _PART.sub("", span["font"])
        if not line["spans"]:
            continue
        if joined and _continues(joined[-1], line):
            last, first = joined[-1]["spans"][-1], line["spans"][0]
            is_space = not line["wmode"] and first["bbox"][0] - last["bbox"][2] > MIN_WORD_SPACE * first["size"]
            if is_space and not last["text"].endswith(" ") and not first["text"].startswith(" "):
                first = {**first, "text": f" {first['text']}"}
            joined[-1] = {**joined[-1], "spans": [*joined[-1]["spans"], first, *line["spans"][1:]]}
        else:
            joined.append(line)
    return joined


def _continues(line: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return True when `other` continues `line` on its base line, at most a word space away; also downwards.

    A heading in another font that ends with a period may be farther away from the first sentence of its paragraph.
    """
    if line["dir"] != other["dir"] or (line["dir"], line["wmode"]) not in (((1.0, 0.0), 0), ((0.0, 1.0), 1)):
        return False
    last, first = line["spans"][-1], other["spans"][0]
    size = min(last["size"], first["size"])
    along, across = line["wmode"], 1 - line["wmode"]
    space = first["bbox"][along] - last["bbox"][along + 2]
    on_base_line = abs(last["origin"][across] - first["origin"][across]) < MAX_BASELINE_SHIFT * size
    is_run_in = last["text"].rstrip().endswith(".") and last["font"] != first["font"] and not _is_bold(first)
    is_run_in = is_run_in and len("".join(span["text"] for span in other["spans"]).split()) >= MIN_RUN_IN_WORDS
    max_space = MAX_RUN_IN_SPACE if is_run_in else MAX_WORD_SPACE
    return bool(on_base_line and -MAX_KERNING * size < space < max_space * size)


def _line(line: dict[str, Any], block: int, direction: tuple[float, float], to_displayed: Transform) -> Line | None:
    """A line of MuPDF's text dictionary; `direction` is that of its text (right, down) as displayed. None if blank."""
    spans = [span for span in line["spans"] if span["text"].strip()]
    if not spans:
        return None
    main = _main_span(_without_run_in(spans))
    words = [span for span in spans if any(map(str.isalnum, span["text"]))] or spans
    bold = _is_bold(main) and (len(spans) == 1 or _bold_share(spans) >= MIN_BOLD_SHARE)
    return Line(
        box=to_displayed(_text_box(line, spans)),
        text=_line_text(line["spans"]),
        size=_size(main, spans),
        font=str(main["font"]),
        first_font=str(words[0]["font"]),
        last_font=str(words[-1]["font"]),
        bold=bold,
        italic=bool(main["flags"] & 2) or bool(ITALIC_NAME.search(main["font"].lower())),
        lead=0 if bold else sum(len(span["text"]) for span in takewhile(_is_bold, spans)),
        run_in=max(_run_in(line["spans"]), 0 if bold else _bold_start(line["spans"])),
        block=block,
        horizontal=direction[0] > 0.98,
        angle=round(math.degrees(math.atan2(direction[1], direction[0])) / 90) % 4 * 90,
        vertical=bool(line["wmode"]),
        visible=any(span["char_flags"] & VISIBLE_TEXT_FLAGS and span["alpha"] > MIN_ALPHA for span in spans),
    )


def _line_text(spans: Sequence[dict[str, Any]]) -> str:
    """The text of a line. Powers of ten get a "^", or 10 to the fourth would be 104; "CO2" and "m2" are written so."""
    text = ""
    if spans[0]["text"].strip() == "o" and len({span["font"] for span in spans}) > 1:  # how word processors print ○
        text, spans = "○ ", spans[1:]
    for span in spans:
        piece = read_symbols(span["text"], span["font"])
        is_power = span["flags"] & SUPERSCRIPT and _TEN.search(text) and _EXPONENT.match(piece)
        text += f"^{piece}" if is_power else piece
    return _UNKNOWN_BULLET.sub("• ", text.strip())


def _main_span(spans: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The longest span in the font and size of most characters; words may be spans of their own."""
    characters: Counter[tuple[str, float]] = Counter()
    for span in spans:
        characters[span["font"], span["size"]] += len(span["text"])
    font, size = characters.most_common(1)[0][0]
    same = [span for span in spans if span["font"] == font and span["size"] == size]
    return max(same, key=lambda span: len(span["text"]))


def _size(main: dict[str, Any], spans: Sequence[dict[str, Any]]) -> float:
    """The size of the text; where capitals at the start of words are larger than the rest, the size of these."""
    size = float(main["size"])
    larger = [span for span in spans if span["size"] > size]
    is_small_caps = spans[0] in larger and all(
        span["font"] == main["font"] and span["text"].upper() == span["text"] and size >= MIN_SMALL_CAPS * span["size"]
        for span in larger
    )
    return float(larger[0]["size"]) if is_small_caps and any(map(str.isalpha, larger[0]["text"])) else size


def _is_bold(span: dict[str, Any]) -> bool:
    return bool(span["flags"] & 16) or bool(BOLD_NAME.search(span["font"].lower()))


def _bold_share(spans: Sequence[dict[str, Any]]) -> float:
    """The share of the letters that are bold; code in a heading has a font of its own."""
    letters: Counter[bool] = Counter()
    for span in spans:
        if not is_monospaced(span["font"]):
            letters[_is_bold(span)] += sum(map(str.isalpha, span["text"]))
    return letters[True] / letters.total() if letters.total() else 1.0


def _run_in(spans: Sequence[dict[str, Any]]) -> int:
    """Characters at the start in one font, with blanks and symbols of others, if words in another font follow."""
    first = next(span for span in spans if span["text"].strip())
    start = list(takewhile(lambda span: span["font"] == first["font"] or not _WORD.search(span["text"]), spans))
    if len(start) == len(spans):
        return 0
    while start[-1]["font"] != first["font"]:
        start.pop()
    return len("".join(span["text"] for span in start).strip())


def _without_run_in(spans: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """The spans of a line without the heading in bold at its start, if a sentence begins behind it."""
    start = list(takewhile(_is_bold, spans))
    rest = spans[len(start) :]
    is_run_in = start and start[-1]["text"].rstrip().endswith(".")
    return rest if is_run_in and sum(len(span["text"].split()) for span in rest) >= MIN_RUN_IN_WORDS else spans


def _bold_start(spans: Sequence[dict[str, Any]]) -> int:
    """Characters of the bold words at the start, some of which may be in italics."""
    start = takewhile(lambda span: _is_bold(span) or not span["text"].strip(), spans)
    return len("".join(span["text"] for span in start).strip())


def _text_box(line: dict[str, Any], spans: list[dict[str, Any]]) -> Box:
    x0, y0, x1, y1 = merge_boxes(span["bbox"] for span in spans)
    if line["dir"] == (1.0, 0.0):
        # Dashes and brackets of another size reach into the lines above and below.
        words = [span for span in spans if any(map(str.isalnum, span["text"]))]
        if words:
            _, y0, _, y1 = merge_boxes(span["bbox"] for span in words)
            largest = max(span["size"] for span in words)
            spans = [span for span in spans if span in words or span["size"] <= MAX_MARK_SIZE * largest]
        size, base = max(span["size"] for span in spans), spans[0]["origin"][1]
        is_tall = y1 - y0 > MAX_FONT_HEIGHT * size
        if is_tall and base - min(span["origin"][1] for span in spans) < MAX_BASELINE_SHIFT * size:
            y0, y1 = max(y0, base - ASCENDER * size), min(y1, base + DESCENDER * size)
        if base - y0 < MIN_ASCENT * size and words:
            y0, y1 = base - ASCENDER * size, max(y1, base)
    return (x0, y0, x1, y1)
