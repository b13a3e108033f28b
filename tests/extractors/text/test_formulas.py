"""Displayed formulas are read on one line; other rows that stand close stay as they are."""

from __future__ import annotations

from extractors.page import Line
from extractors.text.formulas import join_formulas
from extractors.text.paragraphs import read_paragraphs
from extractors.text.rows import make_row


def _line(text: str, x: float, top: float, size: float = 10) -> Line:
    return Line((x, top, x + 0.5 * size * len(text), top + 1.2 * size), text, size)


FRACTION = (_line("L =", 200, 164), _line("a + b", 240, 156), _line("c + d", 240, 172), _line("(3)", 528, 164))
PROSE = "The pump moves water from the lower tank to the upper one, and rests"


def _texts(*lines: Line) -> list[str]:
    return [row.text for row in join_formulas([make_row([line]) for line in lines])]


def test_fraction_is_written_with_a_slash() -> None:
    assert _texts(*FRACTION) == ["L = (a + b)/(c + d) (3)"]


def test_limits_of_a_sum_are_written_behind_it() -> None:
    limits = _line("n", 244, 158, 6), _line("i = 1", 238, 174, 6)
    assert _texts(_line("y =", 200, 164), _line("∑", 238, 162, 14), *limits, _line("x", 262, 164)) == [
        "y = ∑ ^n _(i = 1) x"
    ]


def test_rows_without_a_relation_sentences_and_rows_apart_stay() -> None:
    cells = [_line(text, 60 + 40 * n, 100 + 7 * n) for n, text in enumerate(("Sales", "Costs", "Profit"))]
    assert _texts(*cells) == ["Sales", "Costs", "Profit"]
    sentence = _line("where a = 3 holds for every pump that moves water to the upper tank", 60, 108)
    assert len(_texts(cells[0], sentence, _line("b", 60, 116))) == 3
    assert len(_texts(*(_line(f"x = {n}", 60, 100 + 12 * n) for n in range(4)))) == 4


def test_formula_and_its_number_are_part_of_the_passage_around_them() -> None:
    text = [_line(PROSE, 60, 100 + 12 * n) for n in range(4)]
    paragraphs = read_paragraphs([*text, *FRACTION], 1)
    assert [paragraph.lines[-1] for paragraph in paragraphs] == [PROSE, "L = (a + b)/(c + d) (3)"]
    assert paragraphs[1].box == (200, 156, 543, 184)
