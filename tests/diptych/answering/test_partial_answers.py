"""Sentences of an answer that is still arriving."""

from __future__ import annotations

import json

from diptych.answering.conversation import complete_sentences


def test_complete_sentences_are_read_from_a_partial_answer() -> None:
    whole = json.dumps(
        {"answered": True, "sentences": [{"text": 'A "b".', "citations": []}, {"text": "Ü\n", "citations": []}]}
    )
    assert complete_sentences(whole[:40]) == []
    assert complete_sentences(whole[:70]) == ['A "b".']
    assert complete_sentences(whole) == ['A "b".', "Ü\n"]
    assert complete_sentences("It hums. It le") == ["It hums."]
    assert complete_sentences("") == []
