"""Blocks become passages under heading paths, tables with captions, and pictures with the sentences about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractors.blocks.types import Code, Content, Heading, Image, Table, Text
from extractors.errors import ExtractionError
from tests.support.blocks import extract_content, png

ROWS = (("Part", "Price"), ("Pump", "12"))


def image(data: bytes | None = None, **about: object) -> Image:
    return Image(lambda: data or png(), **about)  # type: ignore[arg-type]


def test_text_is_cut_at_headings_and_has_their_path(tmp_path: Path) -> None:
    found = extract_content(
        tmp_path,
        Heading("Pumps", 1), Text("All about pumps."),
        Heading("Care", 2), Text("Clean the filter weekly."), Text("Use cold water.", marker="–"),
        Heading("Parts", 2), Heading("Spare parts", 3), Text("Ask your dealer."),
        Heading("Valves", 1), Text("Valves are sold apart."),
    )  # fmt: skip
    assert [(one.heading, one.text, one.page, one.box) for one in found.passages] == [
        (("Pumps",), "All about pumps.", 1, None),
        (("Pumps", "Care"), "Clean the filter weekly.\n– Use cold water.", 1, None),
        (("Pumps", "Parts", "Spare parts"), "Ask your dealer.", 1, None),
        (("Valves",), "Valves are sold apart.", 1, None),
    ]
    assert (found.title, found.paged, found.report.pages) == ("", False, 0)


def test_single_highest_heading_is_the_title_and_no_heading(tmp_path: Path) -> None:
    found = extract_content(tmp_path, Heading("Pumps", 1), Text("All of them."), Heading("Care", 2), Text("Clean it."))
    assert found.title == "Pumps"
    assert [(one.heading, one.text) for one in found.passages] == [
        ((), "Pumps\nAll of them."),
        (("Care",), "Clean it."),
    ]


@pytest.mark.parametrize(
    ("metadata", "title"),
    [("Pumps - The shop", "Pumps"), ("A catalogue of 2024", "A catalogue of 2024"), ("Microsoft Word - x.doc", "")],
)
def test_title_of_the_metadata_is_used_unless_it_says_nothing(tmp_path: Path, metadata: str, title: str) -> None:
    blocks = Heading("Pumps", 1), Text("Old."), Heading("Valves", 1), Text("New.")
    assert extract_content(tmp_path, *blocks, title=metadata).title == title


def test_heading_too_long_for_a_path_is_text_as_well(tmp_path: Path) -> None:
    heading = " ".join(f"word{number}" for number in range(40))
    found = extract_content(tmp_path, Heading("Pumps", 1), Heading(heading, 2), Text("Clean it."), Heading("End", 2))
    assert found.passages[1].text == f"{heading}\nClean it."


def test_accents_that_people_type_as_apostrophes_stay(tmp_path: Path) -> None:
    table = Table((("Part", "Price"), ("Peter´s", "d`accord")))
    first, second = extract_content(tmp_path, Text("Wie geht´s? C´est ça."), table).passages
    assert first.text == "Wie geht´s? C´est ça."
    assert second.text.endswith("| Peter´s | d`accord |")


def test_heading_without_text_is_a_passage(tmp_path: Path) -> None:
    found = extract_content(tmp_path, Heading("One", 1), Text("Text."), Heading("Two", 1), Heading("Three", 1))
    assert [one.text for one in found.passages] == ["Text.", "Two\nThree"]


def test_code_keeps_its_lines_and_indentation(tmp_path: Path) -> None:
    (passage,) = extract_content(tmp_path, Text("Run this:"), Code("def f():\n    return 1\n")).passages
    assert passage.text == "Run this:\ndef f():\n    return 1"


def test_table_stands_where_it_is_in_the_file_with_its_caption_and_label(tmp_path: Path) -> None:
    found = extract_content(
        tmp_path,
        Heading("A", 1),
        Text("Before."),
        Text("Table 2: Prices."),
        Table(ROWS),
        Heading("B", 1),
        Text("After."),
    )
    before, table, after = found.passages
    assert (before.text, after.text) == ("Before.", "After.")
    assert (table.kind, table.caption, table.label, table.heading) == ("table", "Table 2: Prices.", "table 2", ("A",))
    assert table.text.splitlines()[-1] == "| Pump | 12 |"


def test_figure_has_its_caption_and_the_sentences_about_it(tmp_path: Path) -> None:
    found = extract_content(
        tmp_path, Text("As Fig. 3 shows, it fell."), image(), Text("Figure 3: Sales."), Text("It rose.")
    )
    (picture,) = found.pictures
    assert (picture.kind, picture.label, picture.caption) == ("figure", "figure 3", "Figure 3: Sales.")
    assert (picture.context, picture.page, picture.box) == (("As Fig. 3 shows, it fell.",), 1, None)
    assert [(one.text, one.mentions) for one in found.passages] == [
        ("As Fig. 3 shows, it fell.\nIt rose.", ("figure 3",))
    ]
    assert found.report.captions_matched == 1


def test_captions_above_and_below_go_to_the_nearest_free_image(tmp_path: Path) -> None:
    below: list[Content] = [image(), Text("Figure 1: A."), image(png(colour="red")), Text("Figure 2: B.")]
    above: list[Content] = [Text("Figure 1: A."), image(), Text("Figure 2: B."), image(png(colour="red"))]
    for blocks in (below, above):
        assert [one.label for one in extract_content(tmp_path, *blocks).pictures] == ["figure 1", "figure 2"]


def test_sentence_that_begins_with_a_label_is_no_caption(tmp_path: Path) -> None:
    found = extract_content(tmp_path, image(), Text("Figure 1 shows the sales."))
    assert (found.pictures[0].caption, found.passages[0].text) == ("", "Figure 1 shows the sales.")


def test_alternative_text_serves_as_caption_unless_one_is_printed(tmp_path: Path) -> None:
    blocks = (
        image(alt="A pump"),
        Text("Text."),
        image(png(300), alt="A chart", caption="Sales"),
        image(png(400), alt="x.png"),
    )
    found = extract_content(tmp_path, *blocks)
    assert [one.caption for one in found.pictures] == ["A pump", "Sales", ""]


def test_icons_rules_and_repeated_images_are_left_out(tmp_path: Path) -> None:
    logo = png(120, 120, "green")
    found = extract_content(
        tmp_path, Text("Text."), *[image(logo)] * 4, image(png(20, 20)), image(png(900, 30)), image(size=(12, 12))
    )
    assert found.pictures == ()


def test_caption_of_an_unreadable_image_stays_text(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise ExtractionError("it is on the web and was not fetched")

    found = extract_content(tmp_path, Image(fail), Text("Figure 1: Sales."), image(b"no image"), Text("Text."))
    assert found.passages[0].text == "Figure 1: Sales.\nText."
    assert found.report.captions_unmatched == ("Figure 1: Sales.",)
    assert found.report.notes == ("1 image left out: it is on the web and was not fetched",)
    (problem,) = found.report.problems
    assert (problem.page, "left out: an image" in problem.reason) == (None, True)


def test_notes_are_passages_of_their_own(tmp_path: Path) -> None:
    found = extract_content(tmp_path, Text("One."), Text("Is this true?", kind="notes"), Text("Two."))
    assert [(one.kind, one.text) for one in found.passages] == [("text", "One.\nTwo."), ("notes", "Is this true?")]


def test_parts_keep_the_pages_of_their_blocks(tmp_path: Path) -> None:
    found = extract_content(tmp_path, Text("One."), Text("Two.", page=2), image(page=3), pages=3)
    assert [one.page for one in found.passages] == [1, 2]
    assert found.pictures[0].page == 3
    assert (found.paged, found.report.pages) == (True, 3)


def test_document_without_content_has_no_parts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("  ")
    found = extract_content(tmp_path, Text("  "))
    assert (found.passages, found.pictures, found.report.problems) == ((), (), ())
