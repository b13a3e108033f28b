"""Splitting text into sentences by rules, in any script."""

import re

_ABBREVIATION = re.compile(
    r"al|approx|art|bzw|ca|cf|ch|chap|col|dept|dr|ed|eds|e\.g|eg|eqs?|etc|ex|figs?|abb|tab|gen|gov|hon|i\.e|ie|incl|jr|"
    r"ltd|max|min|mrs?|ms|nos?|nr|op|pp?|par|ph\.d|prof|pt|refs?|rev|sec|sect|sr|st|suppl|tel|u\.s|u\.k|usw|vgl|viz|"
    r"vols?|vs|z\.b|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|inc|corp|co",
    re.IGNORECASE,
)
"""Words before a full stop that does not end a sentence."""
# Latin-like scripts end with a mark, closing quotes or brackets, and a space; CJK needs no space.
_END = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*(?=\s)|[。！？｡︒][」』”’）]*|\n+")
_INITIAL = re.compile(r"\s+[A-Z]\.\s")
_NEXT_LETTER = re.compile(r"\s*[\"'“‘«(\[]*[\w•–-]")
_WORD_LENGTH = 40
"""Characters before a mark that are looked at: no abbreviation is longer, and a text may have a million marks."""


def split_sentences(text: str) -> list[str]:
    """Return the sentences of `text` in order, stripped; joined by spaces they are the text again."""
    sentences, start = [], 0
    for match in _END.finditer(text):
        end = match.end()
        if _is_boundary(text, match.start(), end) and (sentence := text[start:end].strip()):
            sentences.append(sentence)
            start = end
    if rest := text[start:].strip():
        sentences.append(rest)
    return sentences


def ends_sentence(text: str) -> bool:
    """Return True when `text` ends with the final mark of a sentence, or with a colon."""
    return text.rstrip().rstrip("\"'”’»)]」』）").endswith((".", "!", "?", "…", ":", "。", "！", "？"))


def _is_boundary(text: str, mark: int, end: int) -> bool:
    """Return False after an abbreviation, an initial or a list's number, and before a small letter.

    The mark that may end the sentence is before index `mark`; closing quotes end at `end`.
    """
    if not mark or text[mark - 1] != ".":
        return True
    following = _NEXT_LETTER.match(text, end)
    if following and text[following.end() - 1].islower():
        return False
    before = text[max(0, mark - _WORD_LENGTH) : mark]
    word = before.rsplit(None, 1)[-1].lstrip("(\"'“‘[").rstrip(".")
    if _INITIAL.match(text, end) or _ABBREVIATION.fullmatch(word):
        return False
    # "J. Smith" and "3. Methods" continue. "in 2010." ends; so does "vitamin C.", which looks like an initial.
    is_initial = len(word) == 1 and word.isupper()
    is_list_number = word.isdigit() and len(word) < 3 and _starts_sentence(before, word)
    return not (is_initial or is_list_number)


def _starts_sentence(text: str, word: str) -> bool:
    """Whether `word`, with which `text` ends but for a full stop, is the first of its sentence."""
    before = text[: -1 - len(word)].rstrip()
    return not before or before[-1] in ".!?:;\n•"
