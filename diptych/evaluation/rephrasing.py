"""Pure: a question in other words than the caption, row or passage that answers it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from diptych.search.query_intent import FILLER_WORDS, PAGE_NUMBER, PAGE_POSITION
from diptych.store.terms import STOP_WORDS
from extractors.layout.labels import LABEL, mentioned_labels

MOST_WORDS, FEWEST_WORDS = 9, 3
"""Words of a caption that a question keeps."""
LONGEST = 300
"""Characters of a question."""
VERBATIM = 6
"""Words in a row that a question may not share with what answers it."""
FORMS = {
    "figure": ("Which picture shows {}?", "Where is there a drawing or chart of {}?", "Where can I see {}?"),
    "table": ("Where are the values for {}?", "Which numbers are there on {}?", "What are the figures for {}?"),
    "photo": ("Is there a photo of {}?", "Where can I see {}?"),
    "product": ("Do you have something with {}?", "I am looking for {}", "Which one comes with {}?"),
    "text": ("What is said about {}?", "Where do I read about {}?", "What is there to know about {}?"),
}
"""Kind of question -> how it is put."""
_WORD = re.compile(r"[^\W_]+(?:[-.,'’/][^\W_]+)*%?")
_NUMBERING = re.compile(r"^\s*\d+(?:\.\d+)*\.?\s+(?=[^\W\d])")
_FILLERS = (
    STOP_WORDS | set(FILLER_WORDS.split()) | {"source", "note", "see", "left", "right", "fig", "shows", "showing"}
)


def question(text: str, kind: str, random: Random) -> str:
    """A question whose answer is where `text` stands; empty when that has too few words of its own.

    `text` less its label; phrases between its stop words, in another order, in one of the `FORMS` of `kind`.
    """
    phrases = _phrases(bare(text))
    words = sum(len(phrase) for phrase in phrases)
    if words < FEWEST_WORDS:
        return ""
    asked = FORMS[kind][random.randrange(len(FORMS[kind]))].format(_listed(_turned(phrases, random)))
    return asked if fair(asked, text) else ""


def bare(text: str) -> str:
    """Without the label or number that it starts with: `Fig. 3. Growth` -> `Growth`; `5.7 Pumps` -> `Pumps`."""
    match = LABEL.match(text.lstrip())
    return _NUMBERING.sub("", text.lstrip()[match.end() :].lstrip(" .:|–—-)") if match else text)


def fair(asked: str, text: str) -> bool:
    """Whether it neither names the place of its answer nor repeats the words there one after the other."""
    if not asked.strip() or len(asked) > LONGEST or mentioned_labels(asked) or LABEL.match(asked):
        return False
    if PAGE_NUMBER.search(asked) or PAGE_POSITION.search(asked):
        return False
    theirs = f" {' '.join(_lower(text))} "
    mine = _lower(asked)
    runs = (mine[at : at + VERBATIM] for at in range(len(mine) - VERBATIM + 1))
    return not any(f" {' '.join(run)} " in theirs for run in runs)


def _lower(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _phrases(text: str) -> list[list[str]]:
    """Runs of content words, each at most four long, `MOST_WORDS` in all."""
    phrases: list[list[str]] = [[]]
    end, room, said = 0, MOST_WORDS, set[str]()
    for match in _WORD.finditer(text):
        word, between = match[0], text[end : match.start()]
        end = match.end()
        begins = not between or bool(set(between) & set(".:;!?\n"))
        if between.strip() or "\n" in between or len(phrases[-1]) == 4:
            phrases.append([])
        if word.lower() in _FILLERS or len(word) < 2 or word.lower() in said:
            phrases.append([])
            continue
        if not room:
            break
        phrases[-1].append(word.lower() if begins and word[1:].islower() else word)
        said.add(word.lower())
        room -= 1
    return [phrase for phrase in phrases if phrase]


def _turned(phrases: Sequence[Sequence[str]], random: Random) -> list[str]:
    """In another order than they were; a single phrase is taken apart."""
    if len(phrases) == 1:
        words = list(phrases[0])
        half = (len(words) + 1) // 2
        return [" ".join(words[half:]), " ".join(words[:half])]
    start = 1 + random.randrange(len(phrases) - 1)
    return [" ".join(phrase) for phrase in (*phrases[start:], *phrases[:start])]


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
