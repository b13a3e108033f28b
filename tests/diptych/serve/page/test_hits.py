"""Hits on the page: names, labels and the size of pictures."""

from __future__ import annotations

from diptych.serve.page.hits import Shown, printed_label, short_name


def test_absolute_paths_are_shortened_to_the_file_and_its_member() -> None:
    assert short_name("reports/a.pdf") == "reports/a.pdf"
    assert short_name("/home/ann/mail.zip#2026/a.pdf") == "mail.zip#2026/a.pdf"
    assert short_name("/home/C#/goods #1.csv#b#2") == "goods #1.csv#b#2"


def test_labels_are_shown_as_documents_print_them() -> None:
    labels = ("figure 3a", "table iv", "figure s1", "extended data figure 2", "figure", "")
    shown = ["Figure 3a", "Table IV", "Figure S1", "Extended data figure 2", "Figure", ""]
    assert list(map(printed_label, labels)) == shown


def test_a_plate_limits_the_height_of_a_picture_and_keeps_its_shape() -> None:
    assert Shown("a.png", 1000, 400).on_plate()[1:] == (480, 192)
    assert Shown("a.png", 90, 60).on_plate()[1:] == (90, 60)
    assert Shown("a.png", 2, 4000).on_plate()[1:] == (1, 192)
