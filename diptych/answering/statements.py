"""What a sentence of an answer claims: whether it states a fact, and which pages and figures it names."""

import re
from collections.abc import Iterable

from diptych.answering.quotes import normalise_text
from extractors.layout.labels import LABEL, mentioned_labels

_PAGE = re.compile(
    r"\b(?:pages?|slides?|pp?\.|Seiten?|páginas?|halaman)\s*(\d{1,4})(?:\s*(?:-|to|and|&|,)\s*(\d{1,4}))?",
    re.IGNORECASE,
)
_MORE_LABELS = re.compile(r"(?:\s*(?:,|&|-|and|to|or)\s*(?:\d+[a-z]?|\([a-z]\)|[a-z])(?!\w))*")
_BULLET = re.compile(r"^\s*(?:[-*•>]+|#+|\(?\d{1,2}[.)](?!\d)|\(?[a-z]\))\s+")
_NOT_STATED = re.compile(
    r"\b(?:(?:documents?|evidence|passages?|sources?|excerpts?|pictures?|texts?|corpus|material|manual|reports?|they|it)\b"
    r".{0,60}\b(?:do(?:es)? not|don't|doesn't|did not|cannot|is not|are not)\s+(?:say|state|mention|tell|give|contain|"
    r"include|answer|specify|cover|provide|show|describe|report|list|indicate|explain|address|available|clear|sufficient|"
    r"enough)|(?:is|are|was|were)\s+not\s+(?:stated|mentioned|given|specified|provided|described|reported|covered|"
    r"answered|found|shown|available|clear)|(?:no|none of the|nothing in the)\s+(?:\w+\s+)?(?:documents?|evidence|"
    r"passages?|sources?|information|excerpts?)\b|(?:I|we)\s+(?:could|can|did)\s*(?:not|n't)\s+(?:find|see|tell|say|"
    r"answer|determine|confirm))",
    re.IGNORECASE,
)
_CONTRAST = re.compile(r"\b(?:but|however|although|though|yet|while|whereas|instead|except)\b|;", re.IGNORECASE)


def needs_source(text: str) -> bool:
    """Whether the sentence states a fact.

    False for headings, questions, the introduction of a list, and statements that the documents do not say something.
    """
    sentence = _BULLET.sub("", text.strip()).strip("*_ ")
    if not re.search(r"[^\W\d_]", sentence) and not re.search(r"\d", sentence):
        return False
    if text.lstrip().startswith("#") or sentence.endswith((":", "?", "？", "：")):
        return False
    if _NOT_STATED.search(sentence) and not _CONTRAST.search(sentence):
        return False
    ended = sentence.endswith((".", "!", "。", "！", "…", '"', "”", ")"))
    return ended or len(sentence.split()) > 6 or bool(re.search(r"\d", sentence))


def labels_in(text: str) -> tuple[str, ...]:
    """Normalised labels of the figures and tables named in the text."""
    return mentioned_labels(normalise_text(text))


def page_numbers_in(text: str) -> set[int]:
    """Numbers of the pages and slides named in the text."""
    return {int(number) for pair in _PAGE.findall(normalise_text(text)) for number in pair if number}


def strip_places(text: str, documents: Iterable[str]) -> str:
    """The text without list numbers, figure and page numbers, and document names; only its own numbers remain."""
    rest = _BULLET.sub("", normalise_text(text))
    for document in filter(None, map(str.strip, documents)):
        rest = re.sub(re.escape(normalise_text(document)), " ", rest, flags=re.IGNORECASE)
    rest = re.sub(LABEL.pattern + _MORE_LABELS.pattern, " ", rest)
    return _PAGE.sub(" ", rest)
