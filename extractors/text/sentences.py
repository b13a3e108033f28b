"""Where sentences end, by rule and for any script: a split inside one costs a search its answer."""

from __future__ import annotations

import re

# A dot after these says nothing about the end of a sentence.
_SHORT = re.compile(
    r"al|approx|art|bzw|ca|cf|ch|chap|col|dept|dr|ed|eds|e\.g|eg|eqs?|etc|ex|figs?|abb|tab|gen|gov|hon|i\.e|ie|incl|jr|"
    r"ltd|max|min|mrs?|ms|nos?|nr|op|pp?|par|ph\.d|prof|pt|refs?|rev|sec|sect|sr|st|suppl|tel|u\.s|u\.k|usw|vgl|viz|"
    r"vols?|vs|z\.b|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|inc|corp|co",
    re.IGNORECASE,
)
# Latin-like scripts end with a mark, closing quotes or brackets, and a space; CJK needs no space.
_END = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*(?=\s)|[。！？｡︒][」』”’）]*|\n+")
_INITIAL = re.compile(r"\s+[A-Z]\.\s")
_NEXT = re.compile(r"[\"'“‘«(\[]*[\w•–-]")


def split_sentences(text: str) -> list[str]:
    """The sentences of `text` in order, stripped, none empty; joined by spaces they are the text again."""
    sentences, start = [], 0
    for match in _END.finditer(text):
        end = match.end()
        if _breaks(text, match.start(), end) and (sentence := text[start:end].strip()):
            sentences.append(sentence)
            start = end
    if rest := text[start:].strip():
        sentences.append(rest)
    return sentences


def ends_sentence(text: str) -> bool:
    """True when `text` ends as a sentence does."""
    return text.rstrip().rstrip("\"'”’»)]」』）").endswith((".", "!", "?", "…", ":", "。", "！", "？"))


def _breaks(text: str, mark: int, end: int) -> bool:
    """Whether a sentence ends here: not after an abbreviation or an initial, nor before small letters."""
    last = text[mark - 1] if mark else ""
    if last in "!?" or last != ".":
        return True
    following = _NEXT.match(text, end + len(text[end:]) - len(text[end:].lstrip()))
    if following and text[following.end() - 1].islower():
        return False
    if _INITIAL.match(text, end):
        return False
    word = text[:mark].rsplit(None, 1)[-1].lstrip("(\"'“‘[").rstrip(".")
    if _SHORT.fullmatch(word):
        return False
    # "J. Smith" and "3. Methods" go on; "vitamin C." and "in 2010." end, which a lone capital cannot tell.
    return not (len(word) == 1 and word.isupper()) and not (
        word.isdigit() and len(word) < 3 and _opens(text, mark, word)
    )


def _opens(text: str, mark: int, word: str) -> bool:
    """True when the number stands first in its sentence: a list's "3." and not a sentence's last word."""
    before = text[: mark - 1 - len(word)].rstrip()
    return not before or before[-1] in ".!?:;\n•"
