"""Whether a quote stands word for word in a text, whatever line ends, ligatures and typographers made of it.

Both sides are made plain in the same way, so what is forgiven is a short list: white space between letters, hyphens
between letters (line ends), soft hyphens and other invisible characters, the shape of quotation marks, dashes and
ligatures, thousands separators, the case of the first letter, a mark at the end. A number keeps its digits, sign and
point, and no quote begins or ends inside a word or a number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, pairwise
from typing import Literal, NamedTuple

Miss = Literal["absent", "cut", "apart", "negated", "empty"]
"""Why a quote is not verbatim: it is not there; it cuts a word or number; the parts around its ellipsis are too far
apart or out of order; the ellipsis leaves out a `not`; it says nothing."""

NEAR = 400
"""Most characters that an ellipsis may leave out."""
MOST_PARTS, MOST_PLACES = 6, 200
"""Parts of a quote with ellipses, and places of each, that are looked at: a hostile text has thousands."""
LEAST_LETTERS = 4
"""Of a quote or a part of one, unless it has a digit: shorter ones stand everywhere."""

_MARKS = str.maketrans(
    dict.fromkeys("‘’‚‛ʼ′´`＇", "'") | dict.fromkeys("“”„‟«»″〝〞＂", '"') | dict.fromkeys("‐‑‒–—―−﹣－", "-")
)
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_GROUP_SPACE = re.compile("(?<=\\d)[\u00a0\u2009\u202f](?=\\d{3}(?!\\d))")
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:[,']\d{3})+(?!\d|,\d)")
_ELLIPSIS = re.compile(r"\s*(?:\[\s*(?:…|\.{3,})\s*\]|\(\s*(?:…|\.{3,})\s*\)|…|(?:\.\s?){3,})\s*")
_NEGATION = re.compile(
    r"\b(?:not?|never|none|nor|neither|cannot|without|unless|except|hardly|fails?|nicht|kein\w*|nie|ohne|pas|jamais|"
    r"sans|sauf|ningún|nunca|sin|não|nunca|sem|non|mai|senza|niet|geen|tidak|bukan|tanpa)\b|n't\b|不|没|無|ない",
    re.IGNORECASE,
)
# Scripts without spaces set no bounds to words.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_BROKEN = re.compile(r"[^\W\d_]- [a-zà-ÿ]")
_CELL = re.compile(r"[ |]+(?=\d)")
_EDGES = " |\t\n\"'.,;:!?…"


class _Squeezed(NamedTuple):
    """A plain text without what is forgiven."""

    letters: str
    places: tuple[int, ...]
    """Of each letter, its place in the plain text."""


@lru_cache(maxsize=1024)
def plain(text: str) -> str:
    """One form for all that looks alike, white space as single spaces; raised digits stay apart: 10⁶ is not 106."""
    text = _GROUP_SPACE.sub(",", text)
    text = _RAISED.sub(lambda m: "^" + unicodedata.normalize("NFKC", m[0]), text)
    text = re.sub("(?<=\\d)(?=[\u00bc-\u00be\u2150-\u215e])", " ", text)  # 2½ is no 21/2
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text).translate(_MARKS)).translate(_MARKS)
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    text = _GROUPED.sub(lambda m: re.sub("[,']", "", m[0]), text)
    return " ".join(text.split())


def missing(quote: str, text: str) -> Miss | None:
    """Why `quote` does not stand in `text`; None: it does."""
    whole, parts = plain(text), [part.strip(_EDGES) for part in _ELLIPSIS.split(plain(quote))]
    parts = [part for part in parts if part]
    if not parts or any(not _says_something(part) for part in parts):
        return "empty"
    if len(parts) > 1 and next(_places(plain(quote).strip(_EDGES), whole), None):
        return None  # the dots are the text's own
    if len(parts) > MOST_PARTS:
        return "apart"
    found = [list(islice(_places(part, whole), MOST_PLACES)) for part in parts]
    if not all(found):
        cut = any(_inside(part, whole) for part, places in zip(parts, found, strict=True) if not places)
        return "cut" if cut else "absent"
    chains = list(_chains(found))
    if not chains:
        return "apart"
    return None if any(not _leaves_out_not(chain, whole) for chain in chains) else "negated"


def _says_something(part: str) -> bool:
    letters = sum(c.isalpha() for c in part)
    return any(c.isdigit() for c in part) or letters >= (2 if _UNSPACED.search(part) else LEAST_LETTERS)


@lru_cache(maxsize=1024)
def _squeezed(whole: str) -> _Squeezed:
    letters: list[str] = []
    places: list[int] = []
    for at, character in enumerate(whole):
        if character in " |":  # the bars of a table set cells apart, as spaces do
            character, following = " ", _CELL.match(whole, at)
            keep = bool(letters) and letters[-1].isdigit() and following is not None
        elif character == "-":
            keep = _counts(whole, at)
        else:
            keep = True
        if keep:
            letters.append(character)
            places.append(at)
    return _Squeezed("".join(letters), tuple(places))


def _counts(whole: str, at: int) -> bool:
    """Whether the dash is a minus or stands between numbers; others only join or break words."""
    if not re.match(r"-\s?[$€£]?\.?\d", whole[at : at + 5]):
        return False
    before = whole[:at].rstrip()[-1:]
    return before.isdigit() or (not whole[at - 1 : at].isalnum() and whole[at + 1 : at + 2] != " ")


def _places(part: str, whole: str) -> Iterator[tuple[int, int]]:
    """(start, end) in `whole` wherever `part` stands there, cutting no word and no number."""
    yield from (place for place in _anywhere(part, whole) if _bounded(whole, *place))


def _inside(part: str, whole: str) -> bool:
    return next(_anywhere(part, whole), None) is not None


def _anywhere(part: str, whole: str) -> Iterator[tuple[int, int]]:
    text = _squeezed(whole)
    wanted = _squeezed(part).letters
    forms = {wanted}
    if len(wanted) > 1 and wanted[0].isalpha() and wanted[1].islower():
        forms.add(wanted[0].swapcase() + wanted[1:])  # a sentence may begin with the quote
    for form in forms:
        at = text.letters.find(form) if form else -1
        while at >= 0:
            yield text.places[at], text.places[at + len(form) - 1] + 1
            at = text.letters.find(form, at + 1)


def _bounded(whole: str, start: int, end: int) -> bool:
    return not (_joined(whole, start) or _joined(whole, end) or _cuts_number(whole, start, end))


def _joined(whole: str, at: int) -> bool:
    """Whether a word goes on over this place."""
    left, right = whole[at - 1 : at] if at else "", whole[at : at + 1]
    if _BROKEN.match(whole, max(0, at - 3)) or _BROKEN.match(whole, max(0, at - 1)):
        return True  # the line ends here, the word does not
    return left.isalnum() and right.isalnum() and not (_UNSPACED.match(left) or _UNSPACED.match(right))


def _cuts_number(whole: str, start: int, end: int) -> bool:
    before, after = whole[max(0, start - 3) : start], whole[end : end + 2]
    first, last = whole[start], whole[end - 1]
    if first.isdigit() and (re.search(r"\d[.,]$", before) or re.search(r"(?:^|[^\w\s]|\s)-$", before)):
        return True
    return last.isdigit() and bool(re.match(r"[.,]\d|\^", after))


def _chains(found: list[list[tuple[int, int]]]) -> Iterator[list[tuple[int, int]]]:
    """Places of all parts in order and near each other."""
    for first in found[0]:
        chain = [first]
        for places in found[1:]:
            following = [place for place in places if 0 <= place[0] - chain[-1][1] <= NEAR]
            if not following:
                break
            chain.append(min(following))
        else:
            yield chain


def _leaves_out_not(chain: list[tuple[int, int]], whole: str) -> bool:
    gaps = (whole[end:start] for (_, end), (start, _) in pairwise(chain))
    return any(_NEGATION.search(gap) for gap in gaps)
