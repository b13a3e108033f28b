"""Ligatures that arrive as their first letter alone: "Te" where "The" is printed.

A font that names its glyphs (`T_h`) may lack the letters of some in its table for copying, because Unicode has no such
ligature. MuPDF then reports the first letter.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

MAY_BE_LOST = re.compile(r"\bT(?:e|is|ese|ere|us|ey)\b")
"""Words of an English page whose "Th" is lost."""
_NAME = re.compile(r"[A-Za-z](?:_[A-Za-z])+")
_ENTRY = re.compile(r"/([^\s/\[\]]+)|(\d+)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class _Glyph(NamedTuple):
    width: float  # font sizes
    text: str


Ligatures = dict[str, list[_Glyph]]
"""By the letter that MuPDF reports: the glyphs that may be meant, a single letter among them."""


def find_ligatures(page: Any) -> dict[str, Ligatures]:
    """Return the ligatures of each font of a `pymupdf.Page`, by the font's name without its subset's."""
    found: dict[str, Ligatures] = {}
    for xref, _, _, font, *_ in page.get_fonts(full=True):
        names = _glyph_names(_value(page.parent, xref, "Encoding/Differences"))
        if not any(map(_NAME.fullmatch, names.values())):
            continue
        first = int((_NUMBER.findall(_value(page.parent, xref, "FirstChar")) or ["0"])[0])
        widths = [float(width) / 1000 for width in _NUMBER.findall(_value(page.parent, xref, "Widths"))]
        glyphs: Ligatures = {}
        for code, name in names.items():
            if 0 <= code - first < len(widths) and (_NAME.fullmatch(name) or len(name) == 1):
                glyphs.setdefault(name[0], []).append(_Glyph(widths[code - first], name.replace("_", "")))
        found[font.rpartition("+")[2]] = {letter: some for letter, some in glyphs.items() if len(some) > 1}
    return found


def restore_ligatures(characters: list[dict[str, Any]], ligatures: Ligatures, size: float) -> list[dict[str, Any]]:
    """The characters of a span of MuPDF, each letter that is as wide as a ligature replaced by all of its letters.

    Letters behind which MuPDF reports the rest of their ligature, without a width, stay.
    """
    restored = []
    for n, character in enumerate(characters):
        glyphs = ligatures.get(character["c"], ())
        left, _, right, _ = character["bbox"]
        is_whole = n + 1 < len(characters) and _is_empty(characters[n + 1])
        if glyphs and not is_whole:
            glyph = min(glyphs, key=lambda glyph: abs(glyph.width * size - (right - left)))
            character = {**character, "c": glyph.text}
        restored.append(character)
    return restored


def _is_empty(character: dict[str, Any]) -> bool:
    left, _, right, _ = character["bbox"]
    return not character["c"].isspace() and right - left < 0.01


def _value(document: Any, xref: int, key: str) -> str:
    """The value of a key of an object, also if another object holds it."""
    kind, value = document.xref_get_key(xref, key)
    return str(document.xref_object(int(value.split()[0])) if kind == "xref" else value)


def _glyph_names(differences: str) -> dict[int, str]:
    """Code -> name of its glyph."""
    names: dict[int, str] = {}
    code = 0
    for match in _ENTRY.finditer(differences):
        if match[2]:
            code = int(match[2])
        else:
            names[code] = match[1]
            code += 1
    return names
