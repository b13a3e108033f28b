"""Symbols of typesetting programs whose fonts name them after the Latin letters on the same keys.

Such files say `P50.05` or `n ¼ 6` where `P<0.05` and `n = 6` are printed. Only what is the same in all files of a
program is translated.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from extractors.text.symbol_encoding import SYMBOL

_OPERATORS = str.maketrans({"¼": "=", "þ": "+", "ð": "(", "Þ": ")", "½": "[", "Š": "]"})
_GREEK_AND_RELATIONS = str.maketrans({"5": "<", "4": ">", "m": "μ", "O": "Ω"})
_MICRO = str.maketrans({"l": "μ"})
_GREEK = str.maketrans("abgdemlpstw", "αβγδεμλπστω")
_TEX_SYMBOLS = {0: "−", 1: "·", 2: "×", 3: "∗", 6: "±", 14: "°", 15: "•", 20: "≤", 21: "≥", 24: "∼", 25: "≈"}  # cmsy
# mathabx, whose codes are read as letters of a text font of TeX
_MATHABX = str.maketrans("´ˆ˘¨˝`“‰ďěăą„«Ñ1pqrs{", "−×±·°+=≠≤≥<>∼≈→′()[]/")
_DASHES = str.maketrans({"e": "–", "d": "—"})
_DIAERESIS = str.maketrans({"€": "¨"})

_TABLES: tuple[tuple[re.Pattern[str], Mapping[int, int | str]], ...] = (
    (re.compile(r"CM_Maths_Symbols"), {**_OPERATORS, **_TEX_SYMBOLS}),
    (re.compile(r"AdvP4C4E(?!59)|AdvPS?Sym|AdvMT_SY"), _OPERATORS),
    (re.compile(r"TeX-matha\d"), _MATHABX),
    (re.compile(r"AdvPi1$"), _GREEK_AND_RELATIONS),
    (re.compile(r"AdvPSMP13$"), _MICRO),
    (re.compile(r"MATHG-1A$"), {2: "μ"}),
    (re.compile(r"AdvPS44A44B$"), _DASHES),
    (re.compile(r"AdvP4C4E59$"), _DIAERESIS),
    # Latin letters remain where MuPDF knows no others.
    (re.compile(r"(?:^|\+)(?:EPS)?Symbol(?:MT|-\w+)?$"), {**SYMBOL, **_GREEK}),
    (re.compile(r"Symbol"), SYMBOL),
)

_NUMBERED: tuple[tuple[re.Pattern[str], Mapping[int, str]], ...] = (
    (re.compile(r"AdvP4C4E74$|AdvMT_SY$"), _TEX_SYMBOLS),
    # As the accents of TeX (cmr) are numbered.
    (re.compile(r"AdvP4C4E59$"), {18: "`", 19: "´", 20: "ˇ", 21: "˘", 22: "¯", 23: "˚"}),
    # As Adobe's Symbol is encoded.
    (re.compile(r"AdvPSSym$"), {163: "≤", 176: "°", 177: "±", 179: "≥", 180: "×", 211: "©"}),
)
"""Symbols of fonts that name their glyphs by number: `C14`. MuPDF reads those as the codes that a file gave them."""

_GLYPH_NAME = re.compile(r"C(\d{1,3})")
_CODE = re.compile(r"[\x01-\x1f]")


def read_numbered_symbols(page: Any, spans: Iterable[dict[str, Any]]) -> None:
    """Replace, in the text of MuPDF's `spans` of a `pymupdf.Page`, the codes of glyphs that are named by number."""
    fonts: dict[str, dict[int, int]] | None = None
    for span in spans:
        symbols = next((symbols for pattern, symbols in _NUMBERED if pattern.search(span["font"])), None)
        if symbols and _CODE.search(span["text"]):
            fonts = _glyph_numbers(page) if fonts is None else fonts
            numbers = fonts.get(span["font"], {})
            span["text"] = span["text"].translate({code: symbols[n] for code, n in numbers.items() if n in symbols})


def _glyph_numbers(page: Any) -> dict[str, dict[int, int]]:
    """For every font of a page whose encoding names glyphs by number: code -> number."""
    found: dict[str, dict[int, int]] = {}
    for xref, _, _, font, *_ in page.get_fonts(full=True):
        _, differences = page.parent.xref_get_key(xref, "Encoding/Differences")
        numbers: dict[int, int] = {}
        code = 0
        for name in re.findall(r"/([^\s/\[\]]+)|(\d+)", differences):
            if name[1]:
                code = int(name[1])
                continue
            if match := _GLYPH_NAME.fullmatch(name[0]):
                numbers[code] = int(match[1])
            code += 1
        found[font.rpartition("+")[2]] = numbers
    return found


def read_symbols(text: str, font: str) -> str:
    """Return `text` with the symbols that a font with this name prints."""
    table = _table(font)
    return text.translate(table) if table else text


@cache
def _table(font: str) -> Mapping[int, int | str] | None:
    return next((table for pattern, table in _TABLES if pattern.search(font)), None)
