"""Texts as the page shows them."""

from __future__ import annotations

from diptych.serve.page.text import harmless, mark_words, table_markup
from extractors.table_grid import grid_from_rows, table_json


def test_control_characters_are_shown_and_marks_of_scripts_kept() -> None:
    assert harmless("a\x1b[31m\x00\u202eb\r\n\tc\x7f\ud800") == "a␛[31m␀�b \n\tc␡�"
    assert harmless("שלום\u200f!") == "שלום\u200f!"
    assert harmless(3) == 3


def test_words_of_the_query_are_marked_in_whatever_form() -> None:
    pieces = mark_words("Cleaning filters <b>. A filter.", "clean the filter")
    assert [text for text, found in pieces if found] == ["Cleaning", "filters", "filter"]
    assert "".join(text for text, _ in pieces) == "Cleaning filters <b>. A filter."


def test_a_long_text_begins_shortly_before_its_match() -> None:
    pieces = mark_words("word " * 400 + "filter " + "more " * 400, "filter", 200)
    assert pieces[0] == ("… ", False)
    assert ("filter", True) in pieces
    assert len("".join(text for text, _ in pieces)) < 220


def test_tables_keep_their_structure_and_lose_rows_that_are_not_shown() -> None:
    grid = table_json(grid_from_rows([["Size", "<b>"], ["1", "\x1b"], ["2", "3"]], header_rows=1))
    assert table_markup(grid, "", 1) == (
        '<table><thead><tr><th scope="col">Size</th><th scope="col">&lt;b&gt;</th></tr></thead>'
        "<tbody><tr><td>1</td><td>␛</td></tr></tbody></table>"
    )
    assert "<thead><tr><td></td><th" in table_markup(
        None, "|  | c |\n| --- | --- |\n| a | 2 |"
    )  # a header needs a name
    assert "<td>a | b</td>" in table_markup(None, "| c | d |\n| --- | --- |\n| a \\| b | 2 |")
    assert table_markup(None, "no table") == ""
