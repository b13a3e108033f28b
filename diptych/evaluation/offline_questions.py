"""Questions made offline from a caption, a catalogue row or a heading, in other words. Pure functions."""

import re
from collections.abc import Sequence
from random import Random

from diptych.search.query_intent import FILLER_WORDS, PAGE_NUMBER, PAGE_POSITION
from diptych.store.terms import STOP_WORDS
from extractors.layout.labels import LABEL, mentioned_labels

MAX_WORDS, MIN_WORDS = 9, 3
"""Words of the text that a question keeps."""
MAX_PHRASE = 4
"""Words of one phrase."""
MAX_LENGTH = 300
"""Characters of a question."""
MAX_SHARED_WORDS = 5
"""Consecutive words that a question may share with its answer."""
FORMS = {
    "figure": ("Which picture shows {}?", "Where is there a drawing or chart of {}?", "Where can I see {}?"),
    "table": ("Where are the values for {}?", "Which numbers are there on {}?", "What are the figures for {}?"),
    "product": ("Do you have something with {}?", "I am looking for {}", "Which one comes with {}?"),
    "text": ("What is said about {}?", "Where do I read about {}?", "What is there to know about {}?"),
}
"""Kind of question -> its possible forms."""
_WORD = re.compile(r"[^\W_]+(?:[-.,'’/][^\W_]+)*%?")
_NUMBERING = re.compile(r"^\s*\d+(?:\.\d+)*\.?\s+(?=[^\W\d])")
_FILLERS = (
    STOP_WORDS | set(FILLER_WORDS.split()) | {"source", "note", "see", "left", "right", "fig", "shows", "showing"}
)


def make_question(text: str, kind: str, random: Random) -> str:
    """A question about `text`; empty if it has too few words of its own.

    Phrases between the stop words of `text`, without its label and in another order, fill one of the `FORMS` of `kind`.
    """
    phrases = _phrases(strip_label(text))
    if sum(map(len, phrases)) < MIN_WORDS:
        return ""
    form = random.choice(FORMS[kind])
    *first, last = _reorder(phrases, random)
    question = form.format(f"{', '.join(first)} and {last}")
    return question if is_fair(question, text) else ""


def strip_label(text: str) -> str:
    """`Fig. 3. Growth` -> `Growth`; `5.7 Pumps` -> `Pumps`."""
    text = text.lstrip()
    match = LABEL.match(text)
    return _NUMBERING.sub("", text[match.end() :].lstrip(" .:|–—-)") if match else text)


def is_fair(question: str, text: str) -> bool:
    """Whether the question neither names the place of its answer `text` nor repeats its wording."""
    if not question.strip() or len(question) > MAX_LENGTH or mentioned_labels(question) or LABEL.match(question):
        return False
    if PAGE_NUMBER.search(question) or PAGE_POSITION.search(question):
        return False
    answer, words = f" {' '.join(_lower_words(text))} ", _lower_words(question)
    runs = (words[at : at + MAX_SHARED_WORDS + 1] for at in range(len(words) - MAX_SHARED_WORDS))
    return not any(f" {' '.join(run)} " in answer for run in runs)


def _lower_words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _phrases(text: str) -> list[list[str]]:
    """Phrases of distinct content words, `MAX_WORDS` in all."""
    phrases: list[list[str]] = [[]]
    end, remaining, used = 0, MAX_WORDS, set[str]()
    for match in _WORD.finditer(text):
        word, between = match[0], text[end : match.start()]
        end = match.end()
        starts_sentence = not between or bool(set(between) & set(".:;!?\n"))
        if between.strip() or "\n" in between or len(phrases[-1]) == MAX_PHRASE:
            phrases.append([])
        if word.lower() in _FILLERS or len(word) < 2 or word.lower() in used:
            phrases.append([])
            continue
        if not remaining:
            break
        phrases[-1].append(word.lower() if starts_sentence and word[1:].islower() else word)
        used.add(word.lower())
        remaining -= 1
    return [phrase for phrase in phrases if phrase]


def _reorder(phrases: Sequence[Sequence[str]], random: Random) -> list[str]:
    """The phrases in another order; a single phrase is split in two."""
    if len(phrases) == 1:
        words = list(phrases[0])
        half = (len(words) + 1) // 2
        return [" ".join(words[half:]), " ".join(words[:half])]
    start = 1 + random.randrange(len(phrases) - 1)
    return [" ".join(phrase) for phrase in (*phrases[start:], *phrases[:start])]
