"""Questions made offline from a caption, a catalogue row or a heading, in other words. Pure functions."""

import re
from collections.abc import Sequence
from random import Random

from diptych.search.query.query_intent import SENTENCE_END
from diptych.search.query.wording import filler_words, named_pages
from diptych.store.languages import DEFAULT, stop_words
from extractors.layout.labels import LABEL, mentioned_labels

MAX_WORDS, MIN_WORDS = 9, 3
"""Words with a meaning, without stop words, that a question keeps of the text."""
MAX_HEADING = 8
"""Words of a heading. A longer one is a sentence, and parts of a sentence make no question."""
MAX_LENGTH = 300
"""Characters of a question."""
MAX_SHARED_WORDS = 5
"""Consecutive words that a question may share with its answer, and so the length of a phrase."""
MIN_LETTERS = 4
"""Letters of at least one word of a phrase."""
FORMS = {
    "figure": ("Which picture shows {}?", "Where is there a drawing or chart of {}?", "Where can I see {}?"),
    "table": ("Where are the values for {}?", "Which numbers are there on {}?", "What are the figures for {}?"),
    "product": ("Do you have something with {}?", "I am looking for {}", "Which one comes with {}?"),
    "text": ("What is said about {}?", "Where do I read about {}?", "What is there to know about {}?"),
}
"""Kind of question -> its possible forms."""
_WORD = re.compile(r"[^\W_]+(?:[-.,'’/][^\W_]+)*%?")
_NUMBERING = re.compile(r"^\s*\d+(?:\.\d+)*\.?\s+(?=[^\W\d])")
_AUXILIARIES = {
    "are", "be", "been", "can", "could", "did", "do", "does", "had", "has", "have", "is", "may", "must", "should",
    "was", "were", "will", "would",
}  # fmt: skip
_FILLERS = stop_words(DEFAULT) | filler_words(DEFAULT) | {"source", "note", "see", "left", "right", "fig"}
_CLAUSE_END = re.compile(r"[^\w\s'’/%-]+(?=\s|$)|[\[\](){}<>\"“”„«»|•·—–\n]+|\s-\s")
_SHOWS = re.compile(r"^[^.:;!?\n]{0,80}\b(?:shows?|showing|illustrat(?:es|ing))\b", re.IGNORECASE)
_NEGATION = re.compile(r"\b(?:not|no|never|nor|without|except)\b", re.IGNORECASE)


def make_question(text: str, kind: str, random: Random) -> str:
    """A question about `text`; empty if its phrases say too little, or if it would repeat them in their order.

    Phrases of `text`, without its label, fill one of the `FORMS` of `kind`. Words inside a phrase keep their order.
    """
    text = _SHOWS.sub("", strip_label(text))
    if kind == "text" and not _is_heading(_WORD.findall(text)):
        return ""
    text = text.lower() if text.isupper() else text
    form = random.choice(FORMS[kind])
    phrases = _phrases(text)
    # The first sentence of a caption says what it is; the fields of a row are sentences of their own.
    head = [] if kind == "product" else _phrases(SENTENCE_END.split(text)[0])
    for order in (head, phrases, [*phrases[1:], *phrases[:1]], phrases[:1]):
        *first, last = [" ".join(phrase) for phrase in order] or [""]
        question = form.format(f"{', '.join(first)} and {last}" if first else last)
        if sum(map(_count_content, order)) >= MIN_WORDS and is_fair(question, text):
            return question
    return ""


def strip_label(text: str) -> str:
    """`Fig. 3. Growth` -> `Growth`; `5.7 Pumps` -> `Pumps`."""
    text = text.lstrip()
    match = LABEL.match(text)
    return _NUMBERING.sub("", text[match.end() :].lstrip(" .:|–—-)") if match else text)


def is_fair(question: str, text: str) -> bool:
    """Whether the question neither names the place of its answer `text` nor repeats its wording."""
    if not question.strip() or len(question) > MAX_LENGTH or mentioned_labels(question) or LABEL.match(question):
        return False
    if any(named_pages(question, DEFAULT)):
        return False
    answer, words = f" {' '.join(_lower_words(text))} ", _lower_words(question)
    runs = (words[at : at + MAX_SHARED_WORDS + 1] for at in range(len(words) - MAX_SHARED_WORDS))
    return not any(f" {' '.join(run)} " in answer for run in runs)


def _lower_words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _is_heading(words: Sequence[str]) -> bool:
    """Whether a heading is no sentence, address or date."""
    return len(words) <= MAX_HEADING and sum(map(_has_digit, words)) <= 1


def _has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def _phrases(text: str) -> list[list[str]]:
    """Phrases in the order of the text, with `MAX_WORDS` content words in all."""
    phrases: list[list[str]] = []
    remaining = MAX_WORDS
    for clause in _CLAUSE_END.split(text):
        words = [] if _NEGATION.search(clause) else _WORD.findall(clause)
        if words and words[0][1:].islower() and not (words[1:] and words[1][0].isupper()):
            words[0] = words[0].lower()
        for phrase in _split_clause(words):
            remaining -= _count_content(phrase)
            # A word alone says something where it stands alone, as the value of a field does.
            if remaining >= 0 and phrase not in phrases and (len(phrase) > 1 or len(words) == 1):
                phrases.append(phrase)
    return phrases


def _split_clause(words: Sequence[str]) -> list[list[str]]:
    """A clause in meaningful phrases, split at stop words so that most of its words are kept."""
    runs: list[tuple[int, int]] = []
    for at, word in enumerate(words):
        if word.lower() not in _FILLERS:
            joins = runs and runs[-1][1] == at
            runs[-1:] = [(runs[-1][0], at + 1)] if joins else [*runs[-1:], (at, at + 1)]
    forward: list[tuple[int, int]] = []
    for start, end in runs:
        joins = forward and end - forward[-1][0] <= MAX_SHARED_WORDS
        forward[-1:] = [(forward[-1][0], end)] if joins else [*forward[-1:], (start, end)]
    backward: list[tuple[int, int]] = []
    for start, end in reversed(runs):
        joins = backward and backward[0][1] - start <= MAX_SHARED_WORDS
        backward[:1] = [(start, backward[0][1])] if joins else [(start, end), *backward[:1]]
    splits = [[list(words[start:end]) for start, end in spans] for spans in (forward, backward)]
    meaningful = [list(filter(_is_meaningful, phrases)) for phrases in splits]
    return max(meaningful, key=lambda phrases: sum(len(phrase) for phrase in phrases if len(phrase) > 1))


def _is_meaningful(phrase: Sequence[str]) -> bool:
    """Whether a phrase is short, no sentence, no list of numbers, not cut after a possessive, and has a real word."""
    numbers = sum(map(_has_digit, phrase))
    has_word = any(word.isalpha() and len(word) >= MIN_LETTERS for word in phrase)
    is_whole = not phrase[-1].endswith(("'s", "’s"))
    is_sentence = any(word.lower() in _AUXILIARIES for word in phrase)
    return len(phrase) <= MAX_SHARED_WORDS and has_word and is_whole and not is_sentence and numbers <= len(phrase) / 2


def _count_content(phrase: Sequence[str]) -> int:
    return sum(word.lower() not in _FILLERS and len(word) > 1 for word in phrase)
