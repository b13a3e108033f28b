"""Symbols of typesetting programs whose fonts name them after the Latin letters on the same keys.

Such files say `P50.05` or `n ¼ 6` where `P<0.05` and `n = 6` are printed. Only what is the same in all files of a
program is translated.
"""

import re
from collections.abc import Mapping
from functools import cache

_OPERATORS = str.maketrans({"¼": "=", "þ": "+", "ð": "(", "Þ": ")"})
_GREEK_AND_RELATIONS = str.maketrans({"5": "<", "4": ">", "m": "μ", "O": "Ω"})
_MICRO = str.maketrans({"l": "μ"})
_GREEK = str.maketrans("abgdemlpstw", "αβγδεμλπστω")

_TABLES: tuple[tuple[re.Pattern[str], Mapping[int, int | str]], ...] = (
    (re.compile(r"AdvP4C4E|AdvPS?Sym|AdvMT_SY|CM_Maths_Symbols"), _OPERATORS),
    (re.compile(r"AdvPi1$"), _GREEK_AND_RELATIONS),
    (re.compile(r"AdvPSMP13$"), _MICRO),
    (re.compile(r"(?:^|\+)(?:EPS)?Symbol(?:MT|-\w+)?$"), _GREEK),  # Latin letters remain where MuPDF knows no others
)


def read_symbols(text: str, font: str) -> str:
    """Return `text` with the symbols that a font with this name prints."""
    table = _table(font)
    return text.translate(table) if table else text


@cache
def _table(font: str) -> Mapping[int, int | str] | None:
    return next((table for pattern, table in _TABLES if pattern.search(font)), None)
