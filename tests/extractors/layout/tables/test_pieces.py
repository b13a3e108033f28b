"""Lines of text that hold several cells are cut where these meet."""

from __future__ import annotations

import pytest

from extractors.layout.tables.pieces import cut_at_rules, cut_lines
from extractors.page import Line


def line(text: str, font: str = "Courier") -> Line:
    return Line((100, 20, 100 + 6 * len(text), 32), text, 10, font)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("373,250      940,750", ["373,250", "940,750"]),
        ("0.85 ........  53   59", ["0.85", "53", "59"]),
        ("2,218,406 1,180,160", ["2,218,406", "1,180,160"]),
        ("0.0297 −2.801 1.000", ["0.0297", "−2.801", "1.000"]),
        ("2007 2008 2009", ["2007", "2008", "2009"]),
        ("2 218 406", ["2 218 406"]),  # one number
        ("12 to 14", ["12 to 14"]),
    ],
)
def test_cells_in_one_line_are_cut_at_blanks_and_between_numbers(text: str, pieces: list[str]) -> None:
    cut, rules = cut_lines([line(text)])
    assert [piece.text for piece in cut] == pieces
    assert [piece.box[0] for piece in cut] == pytest.approx([100 + 6 * text.index(piece) for piece in pieces])
    assert rules == []


def test_line_of_dashes_is_a_rule() -> None:
    assert cut_lines([line("--------- ---------")]) == ([], [(100, 26, 214, 26)])


def test_text_is_cut_where_a_rule_crosses_it_and_not_below_the_rule() -> None:
    text = line("Indirect costs Total direct")
    cut = cut_at_rules([text], [(187, 0, 188, 60)])
    assert [piece.text for piece in cut] == ["Indirect costs", "Total direct"]
    assert cut_at_rules([text], [(187, 40, 188, 60)]) == [text]
