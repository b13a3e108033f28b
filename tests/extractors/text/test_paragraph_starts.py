"""Where paragraphs begin."""

from __future__ import annotations

import pytest

from tests.support.rows import FULL_LINE, paragraphs_of


def test_white_space_starts_a_paragraph() -> None:
    rows = [(FULL_LINE, 50, 100), (FULL_LINE, 50, 112), ("and end.", 50, 124), ("After a space.", 50, 150)]
    assert paragraphs_of(*rows) == [(FULL_LINE, FULL_LINE, "and end."), ("After a space.",)]


def test_indent_starts_a_paragraph() -> None:
    rows = [(FULL_LINE, 50, 100), ("and end here.", 50, 112), (f"Indented {FULL_LINE}", 62, 124), (FULL_LINE, 50, 136)]
    assert len(paragraphs_of(*rows)) == 2


def test_bullets_start_paragraphs() -> None:
    assert len(paragraphs_of(("• one thing", 50, 100), ("• another thing", 50, 112), ("• a third", 50, 124))) == 3


@pytest.mark.parametrize(
    ("first", "second", "paragraphs"),
    [
        (("the plates that are as the one in the figure", 50), ("(b) may be rinsed once more in clean water", 50), 1),
        (("the plates that are as the one in the drawing;", 50), ("(b) the filters, which may be rinsed once", 50), 2),
        (("the plates as the one in the figure", 50), ("(b) may be rinsed once more in clean water of it", 50), 2),
        (("the plates that are as the one in the figure", 50), ("(b) may be rinsed once more in clean water", 62), 2),
        (
            ("(a) the plates that are as the one in the figure", 50),
            ("(b) the filters, which may be rinsed once", 50),
            2,
        ),
        (("the plates that are as the one in the figure", 50), ("b) may be rinsed once more in clean water", 50), 2),
        (("the plates", 250), ("(b) the filters", 250), 2),
    ],
)
def test_letter_in_brackets_amid_a_sentence_starts_no_paragraph(
    first: tuple[str, float], second: tuple[str, float], paragraphs: int
) -> None:
    assert len(paragraphs_of((*first, 100), (*second, 112))) == paragraphs


def test_letter_in_brackets_below_a_short_line_starts_a_paragraph() -> None:
    assert (
        len(
            paragraphs_of(
                (FULL_LINE, 50, 100),
                ("the plates of it and the filters, as ill", 50, 112),
                ("(b) the filters", 50, 124),
            )
        )
        == 2
    )


@pytest.mark.parametrize(("first", "second"), [("3. Methods", "3.1. Mice"), ("12 Methods of It", "12.1 Mice")])
def test_first_section_stands_apart_from_the_heading_of_its_chapter(first: str, second: str) -> None:
    assert len(paragraphs_of((first, 50, 100), (second, 50, 112))) == 2
    assert len(paragraphs_of((first, 50, 100), (f"4{second[second.index('.') :]}", 50, 112))) == 1


def test_indent_below_a_line_with_room_starts_a_paragraph() -> None:
    first = f"W{FULL_LINE[1:]}"
    assert paragraphs_of(("A cell line", 50, 100), (first, 62, 112), (FULL_LINE, 50, 124))[0] == ("A cell line",)
    assert len(paragraphs_of((FULL_LINE, 50, 100), (first[:38], 62, 112))) == 1
    assert len(paragraphs_of(("2.3 Does it hold all", 50, 100), (FULL_LINE, 62, 112))) == 1
