"""Lines into paragraphs and running text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extractors.page import Line
from extractors.text.paragraphs import (
    Paragraph,
    build_paragraphs,
    continues_sentence,
    hyphens_at_ends,
    join_broken_words,
    join_lines,
    move_sentence_end,
    read_paragraphs,
)
from extractors.text.reading_order import order_rows
from tests.support.rows import FULL_LINE, paragraphs_of


def paragraph(*lines: str, page: int = 1) -> Paragraph:
    return Paragraph(lines, page, (50, 600, 300, 640), 10)


def test_every_label_with_its_value_is_a_paragraph() -> None:
    pairs = [("Charging", "7"), ("Powering on", "9"), ("Updating", "10")]
    lines = [
        line
        for n, (label, value) in enumerate(pairs)
        for line in (
            Line((50, 100 + 14 * n, 120, 110 + 14 * n), label, 10, block=2 * n),
            Line((400, 100 + 14 * n, 410, 110 + 14 * n), value, 10, block=2 * n + 1),
        )
    ]
    found = [paragraph.lines for paragraph in build_paragraphs(order_rows(lines), 1)]
    assert found == [("Charging 7",), ("Powering on 9",), ("Updating 10",)]


def test_change_of_size_starts_a_paragraph() -> None:
    small = Line((50, 112, 300, 120), "a footnote", 8)
    large = Line((50, 100, 300, 110), "body text", 10)
    assert [paragraph.size for paragraph in build_paragraphs(order_rows([large, small]), 1)] == [10, 8]


def test_large_initial_is_joined_to_its_word() -> None:
    initial = Line((50, 100, 70, 130), "L", 30, block=1)
    rest = [Line((72, 100, 300, 110), "ARGE models are", 10, block=2), Line((72, 112, 300, 122), "made", 10, block=2)]
    assert build_paragraphs(order_rows([initial, *rest]), 1)[0].lines[0] == "LARGE models are"


@pytest.mark.parametrize(
    ("lines", "known", "text"),
    [
        (("the deci-", "sion was"), (), "the decision was"),
        (("a user-", "friendly tool"), ("user-friendly",), "a user-friendly tool"),
        (("a non-", "invasive test"), ("non-", "invasive"), "a non-invasive test"),
        (("in decision-", "making we"), ("decision", "making"), "in decision-making we"),
        (("the infor-", "mation"), ("information", "in"), "the information"),
        (("the Anglo-", "Saxon"), (), "the Anglo-Saxon"),
        (("日本語の文", "章です"), (), "日本語の文章です"),
        (("plain", "words"), (), "plain words"),
        (("at 10-", "year intervals"), (), "at 10-year intervals"),
        (("from COVID-", "19 on"), (), "from COVID-19 on"),
        (("between 0.3–", "0.5 of it"), (), "between 0.3–0.5 of it"),
        (("the dose–", "response curve"), (), "the dose–response curve"),
        (("a pause –", "then more"), (), "a pause – then more"),
        (("with low-", "and high-dose"), ("low", "and"), "with low- and high-dose"),
        (("is hard-", "to-treat in"), ("to",), "is hard-to-treat in"),
        (("on WIN-", "O: in it"), ("o",), "on WIN-O: in it"),
        (("each fact-", "or counts"), ("factor",), "each factor counts"),
    ],
)
def test_lines_are_joined_and_broken_words_put_together(
    lines: tuple[str, ...], known: tuple[str, ...], text: str
) -> None:
    assert join_lines(lines, frozenset(known)) == text


def test_end_of_a_sentence_is_moved_to_where_the_sentence_begins() -> None:
    first = paragraph("The reading that this sentence of", "some length goes")
    second = paragraph("on with ends here. Another one", "follows it.", page=2)
    assert continues_sentence(first, second)
    whole, rest = move_sentence_end(first, second)
    assert join_lines(whole.lines) == "The reading that this sentence of some length goes on with ends here."
    assert rest is not None
    assert (join_lines(rest.lines), rest.page) == ("Another one follows it.", 2)


def test_complete_sentences_and_other_styles_and_bullets_do_not_continue() -> None:
    complete = paragraph("The reading that this sentence of", "some length ends.")
    assert not continues_sentence(complete, paragraph("on with it"))
    unfinished = paragraph("The reading that this sentence of", "some length goes")
    assert not continues_sentence(unfinished, replace(paragraph("on with it"), size=8))
    assert not continues_sentence(unfinished, paragraph("• on with it"))


PROSE = "Mice were kept on the usual food", "and received a dose every day until", "the blood was taken and mixed with"


def test_full_line_that_ends_like_a_sentence_does_not_continues_with_a_name_in_the_next_column() -> None:
    first, name = paragraph(*PROSE), paragraph("Ficoll. It was then cooled.")
    assert continues_sentence(first, name, adjacent=True)
    assert not continues_sentence(first, name)
    assert not continues_sentence(paragraph(*PROSE[1:]), name, adjacent=True)


def test_sentence_goes_on_with_an_amount_but_not_with_the_number_of_an_item() -> None:
    first = paragraph("Circulate it through the inlet of", "the feed with the valve open for")
    assert continues_sentence(first, paragraph("45 minutes, and flush twice."), adjacent=True)
    for other in ("2. Flush twice.", "5.6 Relief valve", "2 Flush twice.", "2. flush twice", "2a flush twice", "45"):
        assert not continues_sentence(first, paragraph(other), adjacent=True)
    assert not continues_sentence(replace(first, lines=(first.lines[0],)), paragraph("45 minutes"), adjacent=True)
    contents = paragraph("31.9 Version 2.1 of the program, 160", "32.1 Version 2.2 of the program, 162")
    assert not continues_sentence(contents, paragraph("32.2 of the program, 164"), adjacent=True)


@pytest.mark.parametrize(
    ("last", "start"),
    [
        ("the blood was taken out and in", "Ficoll. It was then cooled."),
        ("the blood was taken, see doi: 10.1073/96", "Smith, J. Blood of mice."),
        ("the blood was taken, mail to lee@lab", "Smith, J. Blood of mice."),
        ("the blood was taken, see www.blood", "Smith, J. Blood of mice."),
        ("the blood was taken and mixed with", "Figure 4: The blood of mice."),
    ],
    ids=["short line", "number of an article", "mail address", "address of a page", "caption"],
)
def test_paragraph_that_may_be_complete_does_not_continue_with_a_capital(last: str, start: str) -> None:
    assert not continues_sentence(paragraph(*PROSE[:2], last), paragraph(start), adjacent=True)


def test_short_lines_of_a_list_do_not_continue() -> None:
    assert not continues_sentence(
        paragraph("Folk medicine", "Herbal tea", "Old remedies"), paragraph("Aims: We"), adjacent=True
    )


def styled(text: str, y: float, font: str = "Body", run_in: int = 0, width: float = 0) -> Line:
    """A line of 10 points, 250 points wide unless given."""
    return Line((50, y, 50 + (width or 250), y + 10), text, 10, font, run_in=run_in)


def test_short_line_in_another_font_is_a_paragraph() -> None:
    lines = [styled("Soil samples", 100, "Adv9", width=60), styled(FULL_LINE, 112), styled(FULL_LINE, 124)]
    assert [paragraph.font for paragraph in build_paragraphs(order_rows(lines), 1)] == ["Adv9", "Body"]


@pytest.mark.parametrize("start", ["2.1. Soil samples.", "Soil:", "Soil samples —"])
def test_heading_within_a_paragraph_is_separated(start: str) -> None:
    lines = [styled(f"{start} We took one every {FULL_LINE}", 100, run_in=len(start)), styled(FULL_LINE, 112)]
    heading, text = build_paragraphs(order_rows(lines), 1)
    assert (heading.lines, heading.run_in, text.run_in) == ((start,), True, False)
    assert text.lines == (f"We took one every {FULL_LINE}", FULL_LINE)


def test_name_in_the_font_of_the_heading_before_it_begins_the_text() -> None:
    start = "3.2. Marrubium Genus. Marrubium"
    lines = [styled(f"{start} grows every {FULL_LINE}", 100, run_in=len(start)), styled(FULL_LINE, 112)]
    heading, text = build_paragraphs(order_rows(lines), 1)
    assert (heading.lines, text.lines[0]) == (("3.2. Marrubium Genus.",), f"Marrubium grows every {FULL_LINE}")


def test_heading_of_a_section_within_a_paragraph_may_be_long() -> None:
    words = "3.2. The Yield of the Trees of the Old Garden and of the River Side in Years without Much Rain."
    for start, parts in ((words, 2), (words.removeprefix("3.2. "), 1)):
        lines = [styled(f"{start} We took one every {FULL_LINE}", 100, run_in=len(start)), styled(FULL_LINE, 112)]
        assert len(build_paragraphs(order_rows(lines), 1)) == parts


@pytest.mark.parametrize(("font", "is_heading"), [("Body", False), ("Italic", True)])
def test_words_before_a_name_in_italics_are_no_heading(font: str, is_heading: bool) -> None:
    start = "The laws of the villages were the following:"
    first = replace(styled(f"{start} The forests of {FULL_LINE}", 100, "Name", run_in=len(start)), first_font=font)
    texts = build_paragraphs(order_rows([first, styled(FULL_LINE, 112), styled(FULL_LINE, 124)]), 1)
    assert [text.run_in for text in texts] == ([True, False] if is_heading else [False])


def test_heading_within_a_paragraph_may_take_several_lines() -> None:
    lines = [
        styled("Soil samples of the northern", 100, "Italic"),
        styled("valley. We took one every week", 112, run_in=len("valley.")),
        styled(FULL_LINE, 124),
    ]
    heading, text = build_paragraphs(order_rows(lines), 1)
    assert heading.lines == ("Soil samples of the northern valley.",)
    assert text.lines == ("We took one every week", FULL_LINE)


@pytest.mark.parametrize("start", ["O. sanctum", "Fig. 3:", "so:"])
def test_names_labels_and_words_in_another_font_begin_no_heading(start: str) -> None:
    lines = [styled(f"{start} We took one every {FULL_LINE}", 100, run_in=len(start)), styled(FULL_LINE, 112)]
    assert len(build_paragraphs(order_rows(lines), 1)) == 1


def test_species_at_the_start_of_a_line_is_no_list_item() -> None:
    rows = [
        (FULL_LINE, 50, 100),
        ("O. sanctum and its leaves go on to the edge of it,", 50, 112),
        ("and end.", 50, 124),
    ]
    assert len(paragraphs_of(*rows)) == 1


def test_italic_start_of_a_line_amid_a_sentence_is_no_paragraph() -> None:
    def roman(n: int) -> Line:
        return Line((50, 100 + 12 * n, 290, 110 + 12 * n), FULL_LINE, 10, "Serif")

    italic = Line((50, 148, 300, 158), "T. bellirica, T. chebula, and P. emblica, which", 10, "Serif-It", run_in=12)
    lines = [*map(roman, range(4)), replace(italic, box=(50, 148, 340, 158)), roman(5)]
    assert len(build_paragraphs(order_rows(lines), 1)) == 1


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("Infection by Trypano- soma", "Infection by Trypanosoma"),
        ("Self- report of 0.3– 0.5", "Self-report of 0.3–0.5"),
        ("low- and high-dose - with care", "low- and high-dose - with care"),
        ("cis- β-Farnesene", "cis-β-Farnesene"),
        ("in subjects- with a hyphen within a line", "in subjects- with a hyphen within a line"),
        ("one line", "one line"),
        ("", ""),
    ],
)
def test_words_broken_within_a_text_are_put_together(text: str, whole: str) -> None:
    at_ends = hyphens_at_ends(
        ["Infection by Trypano-", "Self-", "of 0.3– ", "low-", "care-", "a subjects- with", "cis-", ""]
    )
    assert join_broken_words(text, {"self", "report", "low", "and"}, at_ends) == whole


@pytest.mark.parametrize(
    ("lines", "known", "whole"),
    [
        (("more sophisticated tools are re-", "quired"), {"re", "more"}, "more sophisticated tools are required"),
        (("procured 4-nitroquinoline-n-", "oxide"), set(), "procured 4-nitroquinoline-n-oxide"),
        (("a well-", "known"), {"well", "known"}, "a well-known"),
    ],
)
def test_hyphen_stays_only_between_words(lines: tuple[str, ...], known: set[str], whole: str) -> None:
    assert join_lines(lines, known) == whole


def test_pages_from_right_to_left_are_read_from_the_right_column() -> None:
    def column(text: str, x0: float) -> list[Line]:
        return [Line((x0, 100 + 12 * n, x0 + 200, 110 + 12 * n), f"{text} {n}", 10, block=int(x0)) for n in range(3)]

    title = Line((350, 60, 550, 72), "דוח שנתי", 10)
    ends = Line((500, 136, 550, 146), "סוף.", 10, block=350)
    paragraphs = read_paragraphs(
        [*column("העלויות נשארו יציבות השנה", 50), *column("השוק גדל בשנה האחרונה", 350), ends, title], 1
    )
    assert [paragraph.lines[0] for paragraph in paragraphs] == [
        "דוח שנתי",
        "השוק גדל בשנה האחרונה 0",
        "העלויות נשארו יציבות השנה 0",
    ]
    assert paragraphs[1].lines[-1] == "סוף."
    assert paragraphs[1].box == (350, 100, 550, 146)


def test_labels_with_values_stay_on_lines_of_their_own() -> None:
    pairs = (("Rated voltage", "230 V"), ("Noise:", "30 dB"), ("Fuse", "5 A"))
    lines = [
        Line((x, 100 + 14 * n, x + 5 * len(text), 110 + 14 * n), text, 10, block=n)
        for n, pair in enumerate(pairs)
        for x, text in zip((60, 260), pair, strict=True)
    ]
    texts = [paragraph.lines for paragraph in read_paragraphs(lines, 1)]
    assert texts == [("Rated voltage 230 V",), ("Noise: 30 dB",), ("Fuse 5 A",)]


def test_bold_words_at_the_start_of_a_line_do_not_end_its_paragraph() -> None:
    first = replace(styled("Union. 2015. The World in", 100, "Bold"), bold=True, first_font="Bold", last_font="Body")
    second = replace(styled("Facts and figures that the union gives", 112), first_font="Body", last_font="Body")
    assert len(build_paragraphs(order_rows([first, second]), 1)) == 1
    assert len(build_paragraphs(order_rows([replace(first, last_font="Bold"), second]), 1)) == 2


def test_line_of_code_and_the_text_below_it_are_paragraphs() -> None:
    lines = [
        styled("docker run --publish 3001:3001 --detach the-image", 100, "Courier"),
        styled("which starts it", 112),
    ]
    assert len(build_paragraphs(order_rows(lines), 1)) == 2


def test_numbers_in_sequence_begin_paragraphs() -> None:
    rows = [("74From a survey of the year", 50, 100), ("that was made", 50, 112), ("75Figures of the bureau", 50, 124)]
    assert paragraphs_of(*rows) == [("74From a survey of the year", "that was made"), ("75Figures of the bureau",)]
    rows = [("The 5 patients of whom", 50, 100), ("6 people went on and", 50, 112)]
    assert len(paragraphs_of(*rows)) == 1


def test_hanging_indents_begin_entries() -> None:
    rows = [(FULL_LINE, 50, 100), (f"{FULL_LINE[:-1]}.", 65, 112), (FULL_LINE, 65, 124), ("ends.", 65, 136)]
    entry = [("Ames, B. and others who write about the pumps", 50, 100), (f"{FULL_LINE}.", 65, 112)]
    assert len(paragraphs_of(*rows)) == 1
    assert (
        len(paragraphs_of(*entry, ("Byrd, C. and others who write about tanks", 50, 124), ("at length.", 65, 136))) == 2
    )


def test_entries_of_contents_are_paragraphs() -> None:
    rows = [
        ("Filing . . . . . . . . . . . 3", 50, 100),
        ("Where to report", 50, 112),
        ("items . . . . . . . 8", 50, 124),
    ]
    assert paragraphs_of(*rows) == [("Filing … 3",), ("Where to report", "items … 8")]


def test_white_space_separates_paragraphs_where_most_have_one_line() -> None:
    rows = [(FULL_LINE, 50, y) for y in (100, 117, 129, 146, 163)]
    assert [len(lines) for lines in paragraphs_of(*rows)] == [1, 2, 1, 1]


def test_circle_that_is_printed_as_a_letter_is_a_bullet() -> None:
    rows = [("o", 50, 100), ("The first item", 70, 100), ("o", 50, 112), ("The second item", 70, 112)]
    assert paragraphs_of(*rows) == [("○ The first item",), ("○ The second item",)]


def test_portuguese_hyphen_that_both_lines_print_stays_once() -> None:
    assert join_lines(("destacam-", "-se os avanços")) == "destacam-se os avanços"


def test_authors_and_year_of_a_reference_are_no_heading() -> None:
    start = "Juels, Ari. 2005."
    lines = [styled(f"{start} We took one every {FULL_LINE}", 100, run_in=len(start)), styled(FULL_LINE, 112)]
    assert len(build_paragraphs(order_rows(lines), 1)) == 1


def test_double_spaced_lines_are_one_paragraph() -> None:
    rows = [(FULL_LINE, 50, y) for y in range(100, 220, 24)]
    assert [len(lines) for lines in paragraphs_of(*rows)] == [5]
    assert len(paragraphs_of(*((f"{FULL_LINE[:40]}.", 50, y) for y in range(100, 220, 24)))) == 5


def test_heading_in_a_font_of_its_own_that_fills_the_line_is_apart() -> None:
    def line(text: str, top: float, font: str, *, italic: bool = False) -> Line:
        return Line((50, top, 300, top + 10), text, 10, font, font, font, italic=italic)

    def lines_of(first: str, second: str, *, italic: bool = False) -> int:
        rows = [line(first, 100, "Univers"), line(second, 112, "Times", italic=italic), line(FULL_LINE, 124, "Times")]
        return len(build_paragraphs(order_rows(rows), 1))

    assert lines_of("Selection of markers and their validation in trees", "We selected the markers") == 2
    assert lines_of("Selection of markers and their validation in trees", "goes on in small letters") == 1
    assert lines_of("Smith, J., Jones, A., and Brown, C.,", "A Book on Trees", italic=True) == 1
    above, below = (
        Line((50, top, right, top + 10), text, 10, font, font, font)
        for text, top, right, font in (("a line that ends with", 100, 300, "Times"), ("CWEAVE.", 112, 90, "Small"))
    )
    assert len(build_paragraphs(order_rows([above, below]), 1)) == 1


def test_numbers_and_capitals_tell_headings_below_each_other_apart() -> None:
    assert len(paragraphs_of(("2.3. Patients", 50, 100), ("2.3.1. Inclusion", 50, 112))) == 2
    rows = [("EFFECTS OF WATER", 100), ("ON PLANTS", 112), ("Effect of Salt", 124), ("Water on Land", 136)]
    lines = [Line((50, top, 200, top + 10), text, 10, "Bd", "Bd", "Bd", bold=True) for text, top in rows]
    found = [paragraph.lines for paragraph in build_paragraphs(order_rows(lines), 1)]
    assert found == [("EFFECTS OF WATER", "ON PLANTS"), ("Effect of Salt", "Water on Land")]


def test_bold_words_below_white_space_begin_a_paragraph_without_a_point() -> None:
    def runs(text: str, lead: int) -> list[bool]:
        first = Line((50, 100, 300, 110), text, 10, "Times", "Bold", "Times", lead=lead, run_in=lead)
        second = Line((50, 112, 300, 122), FULL_LINE, 10, "Times", "Times", "Times")
        return [one.run_in for one in build_paragraphs(order_rows([first, second]), 1)]

    assert runs("Primary endpoint For all patients in this study, it", 16) == [True, False]
    assert runs("Primary endpoint for all patients in this study, it", 16) == [False]
    assert runs("Primary endpoint For all patients in this study, it", 0) == [False]
    assert runs("Doe, J. and Roe, A. A book on trees. In the works of", 36) == [False]
