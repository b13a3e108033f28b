"""Is a text layer what a reader sees? And the small repairs that every text needs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_LIGATURES = {
    "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "ĳ": "ij", "Ĳ": "IJ",
    "\u00a0": " ", "\u2002": " ", "\u2003": " ", "\u2009": " ", "\u202f": " ", "\u3000": " ", "\t": " ",
    "\u200b": "", "\u200c": "", "\u200d": "", "\u2060": "", "\ufeff": "", "\u2028": " ", "\u2029": " ",
    "\uf0b7": "•", "\uf0a7": "▪", "\uf0d8": "➢", "\uf0fc": "✓", "\uf076": "❖", "\uf0e0": "→", "\uf02d": "-",
}  # fmt: skip
_TABLE = str.maketrans(_LIGATURES)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff]")
_LEADERS = re.compile(r"(?:[.…·_]\s?){4,}")
_SPACED = re.compile(r"(?<=[\u3040-\u30ff\u3400-\u9fff]) (?=[\u3040-\u30ff\u3400-\u9fff])")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_VOWEL = re.compile(r"[aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýœ]", re.IGNORECASE)
_CLUSTER = re.compile(r"[bcdfghjklmnpqrstvwxz]{5}", re.IGNORECASE)
_LETTERS_TO_JUDGE = 40


def repair(text: str) -> str:
    """Ligatures spelt out, odd spaces and symbols plain, leaders of a table of contents shortened, noise dropped,
    Chinese and Japanese that was set with wide spaces closed up.

    A soft hyphen at the end stays as a hyphen, for the line goes on; others vanish.
    """
    plain = text.translate(_TABLE).rstrip()
    if plain.endswith("\u00ad"):
        plain = plain[:-1] + "-"
    plain = _CONTROLS.sub(" ", plain.replace("\u00ad", ""))
    return _SPACED.sub("", re.sub(r"\s+", " ", _LEADERS.sub(" … ", plain)).strip())


def is_text(texts: Iterable[str], *, strict: bool = False) -> bool:
    """False when the characters cannot be what is printed: broken encodings, shifted alphabets, rubbish.

    Too little text to judge passes. `strict` asks for most words to look like words, as an unseen layer must.
    """
    whole = " ".join(texts)
    solid = [character for character in whole if not character.isspace()]
    if len(solid) < _LETTERS_TO_JUDGE:
        return True
    broken = len(_CONTROLS.findall(whole)) / len(solid)
    if broken > (0.1 if strict else 0.2):
        return False
    words = [word for word in _WORD.findall(whole) if len(word) > 1]
    letters = sum(map(len, words))
    if strict and letters < 0.4 * len(solid) and sum(c.isdigit() for c in solid) < 0.3 * len(solid):
        return False
    latin = [word for word in words if _is_latin(word[0])]
    if sum(map(len, latin)) < _LETTERS_TO_JUDGE:
        return True
    likely = sum(len(word) for word in latin if _VOWEL.search(word) and not _CLUSTER.search(word))
    return likely / sum(map(len, latin)) > (0.75 if strict else 0.55)


def _is_latin(character: str) -> bool:
    return character < "\u0250" or unicodedata.name(character, "").startswith("LATIN")
