"""Text of our own that is as uneven as real text: by Zipf's law, with function words and a topic."""

from __future__ import annotations

import random
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

FUNCTION_WORDS = tuple(
    """
    the of and to in a is that for on with as by be are at from this it or an which when not has have was its can
    will before after if than all more no each other between during under
    """.split()  # noqa: SIM905
)
FUNCTION_SHARE = 0.42
"""Of running text; they are what no index keeps."""
VOCABULARY = 30_000
TOPIC_WORDS = 400
"""Of a document, which it uses over and over."""
TOPIC_SHARE = 0.4
"""Of the other words."""
TOPIC_FROM = 60
"""Rank in the vocabulary from which words may be a topic's: the commonest belong to no topic."""
SHIFT = 30.0
"""Of ranks in Zipf's law as Mandelbrot mended it, so that the commonest word is on about half of the pages."""
ONSETS = ("b", "c", "d", "f", "g", "gr", "h", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "tr", "v")
NUCLEI = ("a", "e", "i", "o", "u", "ar", "en", "ol", "in", "or")

Words = NDArray[np.object_]


def made_text(seed: str, words: int) -> str:
    """Words that depend on the seed alone."""
    chance = random.Random(seed)
    return Author(np.random.default_rng(chance.getrandbits(64))).text(words)


class Author:
    """Writes about one topic."""

    def __init__(self, chance: np.random.Generator) -> None:
        self._chance = chance
        places = np.unique(TOPIC_FROM + _drawn(chance, _shares(VOCABULARY - TOPIC_FROM), 3 * TOPIC_WORDS))
        self.topic: Words = _vocabulary()[chance.permutation(places)[:TOPIC_WORDS]]
        """Its words, the commonest first."""

    def words(self, count: int) -> Words:
        """Of running text."""
        chance = self._chance
        found = _vocabulary()[_drawn(chance, _shares(VOCABULARY), count)]
        kinds = chance.random(count)
        topical = kinds < FUNCTION_SHARE + (1 - FUNCTION_SHARE) * TOPIC_SHARE
        found[topical] = self._topical(int(topical.sum()))
        little = kinds < FUNCTION_SHARE
        common = np.array(FUNCTION_WORDS, object)
        found[little] = common[_drawn(chance, _shares(len(common)), int(little.sum()))]
        return found

    def text(self, count: int) -> str:
        """Sentences of some 18 words."""
        words = [str(word) for word in self.words(count)]
        ends = range(17, count, 18)
        for end in ends:
            words[end] += "."
        for start in (0, *(end + 1 for end in ends if end + 1 < count)):
            words[start] = words[start].capitalize()
        return " ".join(words)

    def heading(self, count: int) -> str:
        """A few words of the topic."""
        return " ".join(map(str, self._topical(count))).capitalize()

    def _topical(self, count: int) -> Words:
        found: Words = self.topic[_drawn(self._chance, _shares(len(self.topic)), count)]
        return found


def question(text: str, chance: random.Random) -> str:
    """Of 6 to 12 words, two in three of which the text is about."""
    told = sorted({word.strip(".").lower() for word in text.split()} - set(FUNCTION_WORDS))
    count = chance.randint(6, 12)
    words = chance.sample(told, min(len(told), (2 * count + 2) // 3))
    words += chance.choices(FUNCTION_WORDS[:20], k=count - len(words))
    chance.shuffle(words)
    return " ".join(words).capitalize() + "?"


def _drawn(chance: np.random.Generator, shares: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    return np.searchsorted(shares, chance.random(count))


@cache
def _shares(count: int) -> NDArray[np.float64]:
    """Cumulated, of `count` words by rank."""
    weights = 1 / (np.arange(count) + 1 + SHIFT)
    total = np.cumsum(weights)
    return np.asarray(total / total[-1], np.float64)


@cache
def _vocabulary() -> Words:
    """Made words, the commonest first, which are the shortest as well."""
    syllables = [onset + nucleus for onset, nucleus in product(ONSETS, NUCLEI)]
    random.Random(1).shuffle(syllables)
    pairs = [first + second for first, second in product(syllables, syllables)]
    random.Random(2).shuffle(pairs)
    return np.array(pairs[:VOCABULARY], object)
