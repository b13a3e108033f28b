"""Cleaning text, and recognising text layers that do not say what is printed."""

from __future__ import annotations

import pytest

from extractors.text.cleaning import clean_text, is_readable, replace_surrogates

SENTENCE = "The quick brown fox jumps over the lazy dog and runs away into the forest again"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("the ﬁrst\u00a0eﬀect\u00ad", "the first effect-"),
        ("Intro\u00adduction . . . . . . . . 12", "Introduction … 12"),
        ("\uf0b7 point\x07", "• point"),
        ("J¨org, g´eom´etries `a Gen`eve, Gar¸con, ´Ecole", "Jörg, géométries à Genève, Garçon, École"),
        ("use `a` and `code` here", "use `a` and `code` here"),
        ("∆H of 3 kJ", "ΔH of 3 kJ"),
        ("•• doubled point", "• doubled point"),
        ("한국어 문장 입니다", "한국어 문장 입니다"),
        ("す べ て の 文 and more", "すべての文 and more"),
    ],
)
def test_text_is_cleaned(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        SENTENCE,
        "これは日本語の文章であり、四十文字を超える長さがあるので判断されますが、問題はありません。",
        "1,204 3,381 22.5 17 880 1,204 3,381 22.5 17 880 (12) 1,204 3,381",
    ],
)
def test_prose_in_any_script_and_numbers_are_readable(text: str) -> None:
    assert is_readable([text])
    assert is_readable([text], strict=True)


def test_shifted_letters_and_replacement_characters_are_not_readable() -> None:
    shifted = "".join(chr(ord(letter) + 3) if letter.isalpha() else letter for letter in SENTENCE)
    assert not is_readable([shifted], strict=True)
    assert not is_readable(["\ufffd" * 30 + SENTENCE])


def test_halves_of_characters_are_replaced_in_texts_and_json() -> None:
    assert replace_surrogates({"a\ud800": ["b\udfff", 1, None, "\U0001f600"]}) == {
        "a\ufffd": ["b\ufffd", 1, None, "\U0001f600"]
    }
