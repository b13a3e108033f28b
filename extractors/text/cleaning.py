"""Cleaning extracted text, and recognising text layers that do not say what is printed."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from extractors.scripts import UNSPACED

MIN_LETTERS_TO_JUDGE = 40  # shorter texts count as readable: their statistics mean nothing
# Share of characters without meaning (controls, private use, U+FFFD). Symbol fonts and formulas bring some along.
MAX_BROKEN_SHARE, MAX_BROKEN_SHARE_STRICT = 0.2, 0.1
# Share of Latin letters in words with a vowel and without five consonants in a row. Codes and abbreviations lower it;
# shifted alphabets, where vowels become consonants, have a far lower one.
MIN_WORDLIKE_SHARE, MIN_WORDLIKE_SHARE_STRICT = 0.55, 0.75
# An invisible layer must hold mostly letters, unless it is a table of numbers: bad OCR is full of punctuation.
MIN_LETTER_SHARE, MIN_DIGIT_SHARE = 0.4, 0.3

_REPLACEMENTS = str.maketrans({
    "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "ĳ": "ij", "Ĳ": "IJ",
    "\u00a0": " ", "\u2002": " ", "\u2003": " ", "\u2009": " ", "\u202f": " ", "\u3000": " ", "\t": " ",
    "\u200b": "", "\u200c": "", "\u200d": "", "\u2060": "", "\ufeff": "", "\u2028": " ", "\u2029": " ",
    "\uf0b7": "•", "\uf0a7": "▪", "\uf0d8": "➢", "\uf0fc": "✓", "\uf076": "❖", "\uf0e0": "→", "\uf02d": "-",
})  # fmt: skip
_MEANINGLESS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LEADERS = re.compile(r"(?:[.…·_]\s?){4,}")
_NO_SPACE = re.compile(rf"(?<=[{UNSPACED}]) (?=[{UNSPACED}])")
# Typesetting programs print an accent and then its letter. Grave accents and tildes alone may be code.
_COMBINING = {
    "´": "\u0301", "`": "\u0300", "ˋ": "\u0300", "¨": "\u0308", "ˆ": "\u0302", "˜": "\u0303", "¯": "\u0304",
    "˘": "\u0306", "˙": "\u0307", "˚": "\u030a", "¸": "\u0327", "˛": "\u0328", "ˇ": "\u030c", "˝": "\u030b",
}  # fmt: skip
_ACCENT = re.compile(r"[´`ˋ¨ˆ˜¯˘˙˚¸˛ˇ˝]")
_ACCENTED = re.compile(r"([´ˋ¨ˆ˜¯˘˙˚¸˛ˇ˝]|(?<=[^\W\d_])`(?=\w+\b(?!`))|(?<!\S)`(?=a\s)) ?([^\W\d_])")
_DOUBLED_BULLET = re.compile(r"^([•●○◦▪■□►▶➢➤❖✓✔])(?: ?\1)+")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_VOWEL = re.compile(r"[aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýœ]", re.IGNORECASE)
_FIVE_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{5}", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"\S+\.(png|jpe?g|gif|bmp|tiff?|emf|wmf|svg|webp)|(image|picture|grafik|figure|bild) ?\d*", re.IGNORECASE
)
_GENERATED = re.compile(
    r"\s*(Description automatically generated|AI-generated content may be incorrect\.?)\s*", re.IGNORECASE
)


def clean_text(text: str, *, typeset: bool = True) -> str:
    """Return `text` with ligatures spelt out, spaces and symbols normalised and meaningless characters removed.

    The dot leaders of tables of contents become "…", and wide-set Chinese and Japanese is closed up. A soft hyphen at
    the end becomes a hyphen, because the word continues on the next line; others vanish. `typeset`: the text may have
    accents beside their letters, as PDF files do; elsewhere people typed them, mostly as apostrophes.
    """
    plain = text.translate(_REPLACEMENTS).rstrip()
    if plain.endswith("\u00ad"):
        plain = plain[:-1] + "-"
    plain = _MEANINGLESS.sub(" ", plain.replace("\u00ad", ""))
    if typeset:  # fonts name the Greek letter "Delta", which stands for the increment as well
        plain = plain.replace("\u2206", "Δ")
    if typeset and _ACCENT.search(plain):
        plain = _ACCENTED.sub(_accented, plain)
    plain = _DOUBLED_BULLET.sub(r"\1", re.sub(r"\s+", " ", _LEADERS.sub(" … ", plain)).strip())
    return _NO_SPACE.sub("", plain)


def _accented(match: re.Match[str]) -> str:
    """The letter with its accent, or both as they were where there is no such letter."""
    letter = {"ı": "i", "ȷ": "j"}.get(match[2], match[2])
    whole = unicodedata.normalize("NFC", letter + _COMBINING[match[1]])
    return whole if len(whole) == 1 else match[0]


def replace_surrogates(value: Any) -> Any:
    """A text, or the texts in lists and objects of JSON, without halves of characters, which cannot be stored."""
    match value:
        case str():
            return _SURROGATE.sub("\ufffd", value)
        case list():
            return list(map(replace_surrogates, value))
        case dict():
            return {replace_surrogates(name): replace_surrogates(one) for name, one in value.items()}
    return value


def bare_letters(text: str) -> str:
    """The letters and digits of `text` in lower case, to compare titles however they are printed."""
    return re.sub(r"\W+", "", text).casefold()


def is_readable(texts: Iterable[str], *, strict: bool = False) -> bool:
    """Return False for text that cannot be what is printed: broken encodings, shifted alphabets, bad OCR.

    `strict` applies the limits for invisible text layers.
    """
    whole = " ".join(texts)
    solid = "".join(whole.split())
    if len(solid) < MIN_LETTERS_TO_JUDGE:
        return True
    if len(_MEANINGLESS.findall(whole)) / len(solid) > (MAX_BROKEN_SHARE_STRICT if strict else MAX_BROKEN_SHARE):
        return False
    words = [word for word in _WORD.findall(whole) if len(word) > 1]
    few_letters = sum(map(len, words)) < MIN_LETTER_SHARE * len(solid)
    if strict and few_letters and sum(c.isdigit() for c in solid) < MIN_DIGIT_SHARE * len(solid):
        return False
    latin = [word for word in words if word[0] < "\u0250" or unicodedata.name(word[0], "").startswith("LATIN")]
    letters = sum(map(len, latin))
    if letters < MIN_LETTERS_TO_JUDGE:
        return True
    wordlike = sum(len(word) for word in latin if _VOWEL.search(word) and not _FIVE_CONSONANTS.search(word))
    return wordlike / letters > (MIN_WORDLIKE_SHARE_STRICT if strict else MIN_WORDLIKE_SHARE)


def clean_alternative_text(text: str) -> str:
    """Return what people wrote: "" for file names and numbers."""
    text = " ".join(_GENERATED.sub(" ", text).split())
    return "" if _PLACEHOLDER.fullmatch(text) else text
