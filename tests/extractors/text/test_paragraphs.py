"""Lines into paragraphs and running text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extractors.page import Line
from extractors.text import repair as legible
from extractors.text import sentences
from extractors.text.paragraphs import Paragraph, build_paragraphs, goes_on, join, straddled
from extractors.text.reading_order import flows


def _built(*rows: tuple[str, float, float]) -> list[tuple[str, ...]]:
    """Rows as (text, x0, y0), 10 pt, each to x = 300 unless it is short."""
    lines = [
        Line((x0, y0, min(300.0, x0 + 6 * len(text)), y0 + 10), text, 10, block=n // 50)
        for n, (text, x0, y0) in enumerate(rows)
    ]
    return [paragraph.lines for paragraph in build_paragraphs(flows(lines), 1)]


_FULL = "words that go on until the right edge of the column"


def test_space_and_indents_and_bullets_start_paragraphs() -> None:
    assert _built((_FULL, 50, 100), (_FULL, 50, 112), ("and end.", 50, 124), ("After a space.", 50, 150)) == [
        (_FULL, _FULL, "and end."), ("After a space.",)
    ]  # fmt: skip
    assert (
        len(_built((_FULL, 50, 100), ("and end here.", 50, 112), ("Indented " + _FULL, 62, 124), (_FULL, 50, 136))) == 2
    )
    assert len(_built(("• one thing", 50, 100), ("• another thing", 50, 112), ("• a third", 50, 124))) == 3


def test_labels_keep_their_values_and_each_pair_is_a_line() -> None:
    pairs = [("Charging", "7"), ("Powering on", "9"), ("Updating", "10")]
    lines = [
        line
        for n, (label, value) in enumerate(pairs)
        for line in (
            Line((50, 100 + 14 * n, 120, 110 + 14 * n), label, 10, block=2 * n),
            Line((400, 100 + 14 * n, 410, 110 + 14 * n), value, 10, block=2 * n + 1),
        )
    ]
    assert [paragraph.lines for paragraph in build_paragraphs(flows(lines), 1)] == [
        ("Charging 7",),
        ("Powering on 9",),
        ("Updating 10",),
    ]


def test_a_change_of_size_starts_a_paragraph() -> None:
    small = Line((50, 112, 300, 120), "a footnote", 8)
    large = Line((50, 100, 300, 110), "body text", 10)
    assert [paragraph.size for paragraph in build_paragraphs(flows([large, small]), 1)] == [10, 8]


def test_a_large_initial_joins_its_word() -> None:
    initial = Line((50, 100, 70, 130), "L", 30, block=1)
    rest = [Line((72, 100, 300, 110), "ARGE models are", 10, block=2), Line((72, 112, 300, 122), "made", 10, block=2)]
    assert build_paragraphs(flows([initial, *rest]), 1)[0].lines[0] == "LARGE models are"


@pytest.mark.parametrize(
    ("lines", "known", "text"),
    [
        (("the deci-", "sion was"), (), "the decision was"),
        (("a user-", "friendly tool"), ("user-friendly",), "a user-friendly tool"),
        (("in decision-", "making we"), ("decision", "making"), "in decision-making we"),
        (("the infor-", "mation"), ("information", "in"), "the information"),
        (("the Anglo-", "Saxon"), (), "the Anglo-Saxon"),
        (("日本語の文", "章です"), (), "日本語の文章です"),
        (("plain", "words"), (), "plain words"),
    ],
)
def test_lines_are_joined_as_they_are_read(lines: tuple[str, ...], known: tuple[str, ...], text: str) -> None:
    assert join(lines, frozenset(known)) == text


def _paragraph(*lines: str, page: int = 1) -> Paragraph:
    return Paragraph(lines, page, (50, 600, 300, 640), 10)


def test_a_sentence_that_goes_on_in_the_next_column_stands_whole_where_it_begins() -> None:
    first = _paragraph("The reading that this sentence of", "some length goes")
    second = _paragraph("on with ends here. Another one", "follows it.", page=2)
    assert goes_on(first, second)
    whole, rest = straddled(first, second)
    assert join(whole.lines) == "The reading that this sentence of some length goes on with ends here."
    assert rest is not None
    assert (join(rest.lines), rest.page) == ("Another one follows it.", 2)


def test_what_is_complete_or_looks_otherwise_does_not_go_on() -> None:
    first = _paragraph("The reading that this sentence of", "some length ends.")
    assert not goes_on(first, _paragraph("on with it"))
    unfinished = _paragraph("The reading that this sentence of", "some length goes")
    assert not goes_on(unfinished, replace(_paragraph("on with it"), size=8))
    assert not goes_on(unfinished, _paragraph("• on with it"))


@pytest.mark.parametrize(
    ("text", "parts"),
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
def test_sentences(text: str, parts: list[str]) -> None:
    assert sentences.split_sentences(text) == parts


def test_text_is_repaired() -> None:
    assert legible.repair("the ﬁrst\u00a0eﬀect\u00ad") == "the first effect-"
    assert legible.repair("Intro\u00adduction . . . . . . . . 12") == "Introduction … 12"
    assert legible.repair("\uf0b7 point\x07") == "• point"
    assert legible.repair("す べ て の 文 and more") == "すべての文 and more"


def test_rubbish_is_told_from_text() -> None:
    sentence = "The quick brown fox jumps over the lazy dog and runs away into the forest again"
    shifted = "".join(chr(ord(c) + 3) if c.isalpha() else c for c in sentence)
    assert legible.is_text([sentence])
    assert legible.is_text([sentence], strict=True)
    assert not legible.is_text([shifted], strict=True)
    assert not legible.is_text(["\ufffd" * 30 + sentence])
    assert legible.is_text(
        ["これは日本語の文章であり、四十文字を超える長さがあるので判断されますが、問題はありません。"]
    )
    assert legible.is_text(["1,204 3,381 22.5 17 880 1,204 3,381 22.5 17 880 (12) 1,204 3,381"], strict=True)
