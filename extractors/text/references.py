"""The sentences of a document that refer to its pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from extractors.layout.labels import figure_label, mentioned_labels
from extractors.text.sentences import split_sentences
from extractors.types import Passage, Picture


def add_referring_sentences(passages: Sequence[Passage], pictures: Sequence[Picture]) -> list[Picture]:
    """Return `pictures` with `context` set.

    A panel (figure 3a) also gets the sentences about its figure (figure 3), and a figure those about its panels.
    """
    sentences: dict[str, dict[str, None]] = {}  # by label, in order, each once
    for passage in passages:
        if passage.kind == "text" and passage.mentions:
            for sentence in split_sentences(passage.text):
                for label in mentioned_labels(sentence):
                    sentences.setdefault(label, {})[sentence] = None
    return [
        replace(picture, context=_context(picture, sentences)) if picture.label else picture for picture in pictures
    ]


def _context(picture: Picture, sentences: Mapping[str, dict[str, None]]) -> tuple[str, ...]:
    found = dict(sentences.get(picture.label, {}))
    figure = figure_label(picture.label)
    if figure != picture.label:
        return tuple(found | sentences.get(figure, {}))
    for label, more in sentences.items():
        if figure_label(label) == figure:
            found |= more
    return tuple(sentence for sentence in found if sentence not in picture.caption)
