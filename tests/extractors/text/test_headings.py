"""Headings and the path under which a paragraph stands."""

from __future__ import annotations

from extractors.text.headings import Bookmark, assign_headings
from extractors.text.paragraphs import Paragraph

_BODY = ("A sentence of the body text that says something", "and goes on in a second line", "until it ends.")


def _text(page: int = 1) -> Paragraph:
    return Paragraph(_BODY, page, (50, 100, 300, 140), 10)


def _head(text: str, size: float = 14, page: int = 1, **style: bool) -> Paragraph:
    return Paragraph((text,), page, (50, 80, 300, 95), size, apart=True, **style)


def _paths(*paragraphs: Paragraph, **more: object) -> list[tuple[str, ...]]:
    return [item.path for item in assign_headings(paragraphs, **more) if not item.heading]  # type: ignore[arg-type]


def test_larger_print_heads_smaller_print() -> None:
    paths = _paths(
        _head("Part", 18),
        _head("Section", 14),
        _text(),
        _head("Next section", 14),
        _text(),
        _head("New part", 18),
        _text(),
    )
    assert paths == [("Part", "Section"), ("Part", "Next section"), ("New part",)]


def test_numbers_tell_depth_where_the_look_does_not() -> None:
    paths = _paths(
        _head("2 Methods", 12, bold=True),
        _head("2.1 Data", 12, bold=True),
        _text(),
        _head("3 Results", 12, bold=True),
        _text(),
    )
    assert paths == [("2 Methods", "2.1 Data"), ("3 Results",)]


def test_bold_of_body_size_heads_and_bold_cells_do_not() -> None:
    cell = Paragraph(("Mode    Use",), 1, (50, 80, 300, 95), 10, bold=True, tabular=True)
    assert _paths(_head("Overview", 10, bold=True), _text(), cell, _text()) == [("Overview",)] * 3


def test_sentences_and_numbers_are_no_headings() -> None:
    paths = _paths(_head("This is a pull quote that ends as a sentence.", 12), _text(), _head("42", 20), _text())
    assert paths == [()] * 4


def test_bookmarks_find_headings_and_give_their_level() -> None:
    plain = Paragraph(("Safety notes",), 1, (50, 80, 300, 95), 10)
    marks = [Bookmark(1, "Manual", 1), Bookmark(2, "Safety notes", 1)]
    assert _paths(_head("Manual", 16), plain, _text(), bookmarks=marks) == [("Manual", "Safety notes")]


def test_the_title_heads_nothing() -> None:
    title = _head("A Study of Something", 20)
    assert _paths(title, _text(), _head("Introduction"), _text(), title="A Study of Something") == [
        (), (), ("Introduction",)
    ]  # fmt: skip


def test_in_a_deck_every_page_starts_anew() -> None:
    slides = (_head("Large title", 40), _text(), _head("Smaller title", 30, page=2), _text(page=2))
    assert _paths(*slides, deck=True) == [("Large title",), ("Smaller title",)]
    assert _paths(*slides)[1] == ("Large title", "Smaller title")


def test_plain_lines_hardly_larger_than_the_body_are_none_where_headings_are_bold() -> None:
    bold = [part for n in range(4) for part in (_head(f"{n + 1} Heading", 12, bold=True), _text())]
    assert _paths(_head("Ann Example, Bob Example", 12), _text(), *bold)[:2] == [(), ()]
