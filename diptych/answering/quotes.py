"""Checks whether a text contains a quote verbatim, despite line breaks, ligatures and typography.

Both are normalised in the same way. Differences are allowed in: white space and hyphens between letters, soft hyphens
and other invisible characters, the shape of quotation marks, dashes and ligatures, thousands separators, the case of
the first letter, and punctuation at the end. Numbers keep their digits, sign and point, and a quote must not start or
end within a word or a number.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, pairwise
from typing import Literal

QuoteProblem = Literal["absent", "cut", "apart", "negated", "empty"]
"""Why a quote is not verbatim: it is not there; it starts or ends within a word or number; the parts around its
ellipsis are too far apart or out of order; the ellipsis leaves out a negation; it has too few letters."""

MAX_ELLIPSIS = 400
"""Characters that an ellipsis may leave out."""
MAX_PARTS, MAX_MATCHES = 6, 200
"""Limits on the parts of a quote with ellipses and on the matches of each, because a hostile text has thousands."""
MIN_LETTERS = 4
"""Letters in a quote, or a part of one, without digits; shorter ones match everywhere."""

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
# Scripts without spaces do not mark where words end.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_BROKEN = re.compile(r"[^\W\d_]- [a-zà-ÿ]")
_CELL = re.compile(r"[ |]+(?=\d)")
_EDGES = " |\t\n\"'.,;:!?…"


@lru_cache(maxsize=1024)
def normalise_text(text: str) -> str:
    """One form for everything that looks the same, with single spaces. Superscripts are kept apart: 10⁶ is not 106."""
    text = _GROUP_SPACE.sub(",", text)
    text = _RAISED.sub(lambda m: "^" + unicodedata.normalize("NFKC", m[0]), text)
    text = re.sub("(?<=\\d)(?=[\u00bc-\u00be\u2150-\u215e])", " ", text)  # 2½ is not 21/2
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text).translate(_MARKS)).translate(_MARKS)
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    text = _GROUPED.sub(lambda m: re.sub("[,']", "", m[0]), text)
    return " ".join(text.split())


def find_quote_problem(quote: str, text: str) -> QuoteProblem | None:
    """Why `quote` is not in `text`; None if it is."""
    whole, quote = normalise_text(text), normalise_text(quote)
    parts = [part.strip(_EDGES) for part in _ELLIPSIS.split(quote)]
    parts = [part for part in parts if part]
    if not parts or any(not _has_enough_letters(part) for part in parts):
        return "empty"
    if len(parts) > 1 and any(_matches(quote.strip(_EDGES), whole)):
        return None  # the dots are in the text itself
    if len(parts) > MAX_PARTS:
        return "apart"
    found = [list(islice(_matches(part, whole), MAX_MATCHES)) for part in parts]
    if not all(found):
        cut = any(any(_all_matches(part, whole)) for part, matches in zip(parts, found, strict=True) if not matches)
        return "cut" if cut else "absent"
    chains = list(_chains(found))
    if not chains:
        return "apart"
    return None if any(not _omits_negation(chain, whole) for chain in chains) else "negated"


def _has_enough_letters(part: str) -> bool:
    letters = sum(c.isalpha() for c in part)
    return any(c.isdigit() for c in part) or letters >= (2 if _UNSPACED.search(part) else MIN_LETTERS)


@lru_cache(maxsize=1024)
def _compact(whole: str) -> tuple[str, tuple[int, ...]]:
    """A normalised text without white space, table bars and hyphens, and the offset of each letter in `whole`."""
    letters: list[str] = []
    offsets: list[int] = []
    for at, character in enumerate(whole):
        if character in " |":  # table bars separate cells, like spaces
            character, following = " ", _CELL.match(whole, at)
            keep = bool(letters) and letters[-1].isdigit() and following is not None
        elif character == "-":
            keep = _is_minus(whole, at)
        else:
            keep = True
        if keep:
            letters.append(character)
            offsets.append(at)
    return "".join(letters), tuple(offsets)


def _is_minus(whole: str, at: int) -> bool:
    """Whether the dash is a minus or between numbers; other dashes only join or break words."""
    if not re.match(r"-\s?[$€£]?\.?\d", whole[at : at + 5]):
        return False
    before = whole[:at].rstrip()[-1:]
    return before.isdigit() or (not whole[at - 1 : at].isalnum() and whole[at + 1 : at + 2] != " ")


def _matches(part: str, whole: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each match of `part` in `whole` that does not cut a word or number."""
    for start, end in _all_matches(part, whole):
        if not (_within_word(whole, start) or _within_word(whole, end) or _cuts_number(whole, start, end)):
            yield start, end


def _all_matches(part: str, whole: str) -> Iterator[tuple[int, int]]:
    letters, offsets = _compact(whole)
    wanted, _ = _compact(part)
    forms = {wanted}
    if len(wanted) > 1 and wanted[0].isalpha() and wanted[1].islower():
        forms.add(wanted[0].swapcase() + wanted[1:])  # the quote may start a sentence
    for form in forms:
        at = letters.find(form) if form else -1
        while at >= 0:
            yield offsets[at], offsets[at + len(form) - 1] + 1
            at = letters.find(form, at + 1)


def _within_word(whole: str, at: int) -> bool:
    """Whether a word continues across this offset."""
    left, right = whole[at - 1 : at] if at else "", whole[at : at + 1]
    if _BROKEN.match(whole, max(0, at - 3)) or _BROKEN.match(whole, max(0, at - 1)):
        return True  # a word broken at the end of a line
    return left.isalnum() and right.isalnum() and not (_UNSPACED.match(left) or _UNSPACED.match(right))


def _cuts_number(whole: str, start: int, end: int) -> bool:
    before, after = whole[max(0, start - 3) : start], whole[end : end + 2]
    first, last = whole[start], whole[end - 1]
    if first.isdigit() and (re.search(r"\d[.,]$", before) or re.search(r"(?:^|[^\w\s]|\s)-$", before)):
        return True
    return last.isdigit() and bool(re.match(r"[.,]\d|\^", after))


def _chains(found: list[list[tuple[int, int]]]) -> Iterator[list[tuple[int, int]]]:
    """Matches of all parts in order and close to each other."""
    for first in found[0]:
        chain = [first]
        for matches in found[1:]:
            following = [match for match in matches if 0 <= match[0] - chain[-1][1] <= MAX_ELLIPSIS]
            if not following:
                break
            chain.append(min(following))
        else:
            yield chain


def _omits_negation(chain: list[tuple[int, int]], whole: str) -> bool:
    gaps = (whole[end:start] for (_, end), (start, _) in pairwise(chain))
    return any(_NEGATION.search(gap) for gap in gaps)
