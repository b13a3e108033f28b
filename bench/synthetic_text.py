"""Random text with the word statistics of real text: Zipf's law, function words and a topic."""

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
"""Share of function words, which no index keeps, in running text."""
VOCABULARY = 30_000
TOPIC_WORDS = 400
"""Words that a document uses again and again."""
TOPIC_SHARE = 0.4
"""Share of topic words among the other words."""
TOPIC_FROM = 60
"""Rank in the vocabulary from which words can be topic words: more frequent ones belong to no topic."""
SHIFT = 30.0
"""Shift of ranks in the Zipf-Mandelbrot law, chosen so that the most frequent word is on about half of the pages."""
ONSETS = ("b", "c", "d", "f", "g", "gr", "h", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "tr", "v")
NUCLEI = ("a", "e", "i", "o", "u", "ar", "en", "ol", "in", "or")

Words = NDArray[np.object_]


def random_text(seed: str, words: int) -> str:
    """Text that depends only on the seed."""
    chance = random.Random(seed)
    return Author(np.random.default_rng(chance.getrandbits(64))).text(words)


class Author:
    """Generates text about one topic."""

    def __init__(self, chance: np.random.Generator) -> None:
        self._chance = chance
        places = np.unique(
            TOPIC_FROM + _draw_ranks(chance, _cumulated_shares(VOCABULARY - TOPIC_FROM), 3 * TOPIC_WORDS)
        )
        self.topic: Words = _vocabulary()[chance.permutation(places)[:TOPIC_WORDS]]
        """Topic words, most frequent first."""

    def words(self, count: int) -> Words:
        """Words of running text."""
        chance = self._chance
        found = _vocabulary()[_draw_ranks(chance, _cumulated_shares(VOCABULARY), count)]
        kinds = chance.random(count)
        topical = kinds < FUNCTION_SHARE + (1 - FUNCTION_SHARE) * TOPIC_SHARE
        found[topical] = self._topical(int(topical.sum()))
        is_function_word = kinds < FUNCTION_SHARE
        common = np.array(FUNCTION_WORDS, object)
        found[is_function_word] = common[
            _draw_ranks(chance, _cumulated_shares(len(common)), int(is_function_word.sum()))
        ]
        return found

    def text(self, count: int) -> str:
        """Sentences of 18 words."""
        words = [str(word) for word in self.words(count)]
        ends = range(17, count, 18)
        for end in ends:
            words[end] += "."
        for start in (0, *(end + 1 for end in ends if end + 1 < count)):
            words[start] = words[start].capitalize()
        return " ".join(words)

    def heading(self, count: int) -> str:
        """A heading of topic words."""
        return " ".join(map(str, self._topical(count))).capitalize()

    def _topical(self, count: int) -> Words:
        found: Words = self.topic[_draw_ranks(self._chance, _cumulated_shares(len(self.topic)), count)]
        return found


def random_question(text: str, chance: random.Random) -> str:
    """A question of 6 to 12 words, two thirds of which are content words of the text."""
    content_words = sorted({word.strip(".").lower() for word in text.split()} - set(FUNCTION_WORDS))
    count = chance.randint(6, 12)
    words = chance.sample(content_words, min(len(content_words), (2 * count + 2) // 3))
    words += chance.choices(FUNCTION_WORDS[:20], k=count - len(words))
    chance.shuffle(words)
    return " ".join(words).capitalize() + "?"


def _draw_ranks(chance: np.random.Generator, shares: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    return np.searchsorted(shares, chance.random(count))


@cache
def _cumulated_shares(count: int) -> NDArray[np.float64]:
    """Cumulated frequencies of `count` words by rank."""
    weights = 1 / (np.arange(count) + 1 + SHIFT)
    total = np.cumsum(weights)
    return np.asarray(total / total[-1], np.float64)


@cache
def _vocabulary() -> Words:
    """Invented words, most frequent first."""
    syllables = [onset + nucleus for onset, nucleus in product(ONSETS, NUCLEI)]
    random.Random(1).shuffle(syllables)
    pairs = [first + second for first, second in product(syllables, syllables)]
    random.Random(2).shuffle(pairs)
    return np.array(pairs[:VOCABULARY], object)
