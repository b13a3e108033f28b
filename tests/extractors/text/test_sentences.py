"""Sentence boundaries."""

from __future__ import annotations

import pytest

from extractors.text.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It works. So does that!", ["It works.", "So does that!"]),
        ("See Fig. 3 for J. Smith et al. 2010.", ["See Fig. 3 for J. Smith et al. 2010."]),
        ("It cost 3.5 million. Then it fell.", ["It cost 3.5 million.", "Then it fell."]),
        ("It rose, i.e. it grew. “Good.” She left.", ["It rose, i.e. it grew.", "“Good.”", "She left."]),
        ("これは文です。次の文。", ["これは文です。", "次の文。"]),
        ("It violates 29 Del. C. § 5805. It is void.", ["It violates 29 Del. C. § 5805.", "It is void."]),
        ("It began in 2010. It ended.", ["It began in 2010.", "It ended."]),
    ],
)
def test_text_is_split_into_sentences(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences
