"""Sentences that refer to figures, figures with the sentences about them, and tables over several pages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extractors.layout.tables.tables import Table
from extractors.pdf.assembly import assemble_document
from extractors.pdf.page_extractor import PageParts
from extractors.table_grid import column_headers, grid_from_rows, markdown_row
from extractors.text.headings import HeadedParagraph
from extractors.text.paragraphs import Paragraph
from extractors.text.passages import PassageLimit, build_passages, estimate_tokens
from extractors.text.references import add_referring_sentences
from extractors.types import ImageFile, Options, Picture

TEXT = "Nothing here. Fig. 3a shows the rise. As Figure 3 shows, it fell. See Table 1."


def test_figures_and_panels_have_the_sentences_that_refer_to_them() -> None:
    paragraph = Paragraph((TEXT,), 1, (50, 100, 300, 140), 10)
    passages = build_passages([HeadedParagraph(paragraph, ())], PassageLimit(100, estimate_tokens))
    assert passages[0].mentions == ("figure 3a", "figure 3", "table 1")
    figure = Picture(
        "figure", 1, ImageFile("0" * 64, ".png", 1, 1), label="figure 3", caption="Figure 3: Rise and fall."
    )
    pictures = [figure, replace(figure, label="figure 3a"), replace(figure, label="figure 4")]
    whole, panel, other = add_referring_sentences(passages, pictures)
    assert whole.context == ("As Figure 3 shows, it fell.", "Fig. 3a shows the rise.")
    assert panel.context == ("Fig. 3a shows the rise.", "As Figure 3 shows, it fell.")
    assert other.context == ()


HEADER, NORTH, SOUTH = ("Orchard", "Trees"), ("North", "204"), ("South", "986")
BELOW = Paragraph(("The orchards were planted in three years.",), 2, (50, 500, 300, 540), 10)


def tables_of(first: Table, second: Table) -> list[tuple[str, str]]:
    """(label, text) of the tables of two pages, the second with a paragraph below."""
    pages = [PageParts(1, tables=[first]), PageParts(2, [BELOW], [second])]
    passages, _ = assemble_document(pages, (), "", Options(tokenizer=None))
    return [(passage.label, passage.text) for passage in passages if passage.kind == "table"]


def test_table_continues_on_the_next_page_under_its_header() -> None:
    first = Table((50, 600, 300, 700), grid_from_rows([HEADER, NORTH], 1), label="table 1", caption="Table 1. Orchards")
    rest = Table((60, 80, 310, 120), grid_from_rows([SOUTH, ("West", "77")]), has_header=False)
    assert tables_of(first, rest)[1] == (
        "table 1",
        "| Orchard | Trees |\n| --- | --- |\n| South | 986 |\n| West | 77 |",
    )
    repeated = replace(rest, grid=grid_from_rows([HEADER, SOUTH], 1), has_header=True)
    assert tables_of(first, repeated)[1][1] == "| Orchard | Trees |\n| --- | --- |\n| South | 986 |"


def test_table_continues_below_a_caption_of_the_same_label_however_wide_it_is() -> None:
    first = Table((50, 600, 300, 700), grid_from_rows([HEADER, NORTH], 1), label="table 1", caption="Table 1. Orchards")
    rest = Table((60, 80, 130, 120), grid_from_rows([SOUTH, ("West", "77")]), has_header=False)
    named = replace(rest, label="table 1", caption="Table 1 (continued)")
    assert tables_of(first, named)[1][1] == "| Orchard | Trees |\n| --- | --- |\n| South | 986 |\n| West | 77 |"


def test_another_table_on_the_next_page_keeps_its_own_header() -> None:
    first = Table((50, 600, 300, 700), grid_from_rows([HEADER, NORTH], 1), label="table 1", caption="Table 1. Orchards")
    others = (
        Table((50, 80, 300, 120), grid_from_rows([("River", "Length"), ("Elbe", "1,094")], 1)),
        Table((50, 80, 300, 120), grid_from_rows([SOUTH, NORTH], 1), has_header=False, caption="Table 2. Others"),
        Table((50, 80, 100, 120), grid_from_rows([SOUTH, NORTH], 1), has_header=False),
        Table((50, 560, 300, 600), grid_from_rows([SOUTH, NORTH], 1), has_header=False),
    )
    for other in others:
        assert tables_of(first, other)[1][1].startswith(markdown_row(column_headers(other.grid)))


def _texts(*paragraphs: Paragraph) -> list[str]:
    pages = [PageParts(n, [p for p in paragraphs if p.page == n]) for n in (1, 2)]
    passages, _ = assemble_document(pages, (), "", Options(tokenizer=None))
    return [passage.text for passage in passages]


def test_footnote_between_two_parts_of_a_sentence_comes_before_them_and_is_in_no_section() -> None:
    heading = Paragraph(("Results",), 1, (50, 450, 300, 465), 14, apart=True)
    start = Paragraph(
        ("The mixture of paraffin and aromatic", "hydrocarbons, when released into"), 1, (50, 500, 300, 540), 10
    )
    licence = Paragraph(("The article is distributed under a licence.",), 1, (50, 700, 550, 740), 7)
    rest = Paragraph(("the environment, is a problem. Plants can help.",), 2, (50, 80, 300, 120), 10)
    assert _texts(heading, start, licence, rest) == [
        "The article is distributed under a licence.",
        "The mixture of paraffin and aromatic hydrocarbons, when released into the environment, is a problem.",
        "Plants can help.",
    ]


def test_sentence_goes_on_with_a_name_behind_the_addresses_at_the_foot_of_the_page() -> None:
    lines = ("The trial began in the spring of that year", "after it had been approved as required by the law")
    start = Paragraph((*lines, "of the country and by the committees of the"), 1, (50, 500, 300, 540), 10)
    notes = [Paragraph((f"Department {n} of the clinic.",), 1, (50, 600 + n, 300, 610), 7) for n in range(13)]
    rest = Paragraph(("Hospital of Lyon. It has ended.",), 2, (50, 80, 300, 120), 10)
    assert f"{' '.join(start.lines)} Hospital of Lyon." in "\n".join(_texts(start, *notes, rest)).split("\n")
    figure = Paragraph(("The ward of the hospital, from the east.",), 1, (50, 600, 300, 610), 10)
    assert start.lines[-1] + " Hospital" not in " ".join(_texts(start, figure, rest))


def test_half_of_a_broken_word_is_no_word_of_the_document() -> None:
    first = Paragraph(("The fraction with the high-", "est share."), 1, (50, 100, 300, 140), 10)
    other = Paragraph(("It was high.",), 1, (50, 200, 300, 240), 10)
    assert _texts(first, other)[0].startswith("The fraction with the highest share.")


def test_words_broken_in_cells_captions_and_headings_are_joined_as_the_document_writes_them() -> None:
    text = Paragraph(("Trypanosoma is found by self report, an old method of the field.",), 1, (50, 120, 300, 160), 10)
    heading = Paragraph(("Results of the self-", "report"), 1, (50, 100, 300, 118), 14, bold=True, apart=True)
    grid = grid_from_rows([("Infec- tions", "Self- report"), ("Trypano- soma", "0.3– 0.5")], 1)
    caption = "Table 1. Shares by self- report of Trypano- soma"
    table = Table((50, 300, 300, 400), grid, label="table 1", caption=caption)
    figure = Picture("figure", 1, ImageFile("0" * 64, ".png", 1, 1), (50, 500, 300, 600), caption=caption[9:])
    hyphens = frozenset(["Infec-", "Self-", "self-", "Trypano-", "0.3–"])
    page = PageParts(1, [heading, text], [table], pictures=[figure], hyphens=hyphens)
    passages, (picture,) = assemble_document([page], (), "", Options(tokenizer=None))
    (found,) = (passage for passage in passages if passage.kind == "table")
    joined = "Shares by self-report of Trypanosoma"
    assert (found.caption, picture.caption, found.heading) == (
        f"Table 1. {joined}",
        joined,
        ("Results of the self-report",),
    )
    assert found.text == "| Infections | Self-report |\n| --- | --- |\n| Trypanosoma | 0.3–0.5 |"


@pytest.mark.parametrize(
    ("body", "kept"), [("", 4), ("The text of page {n} differs from that of all others by far.", 0)]
)
def test_repeated_lines_read_by_ocr_are_dropped_unless_the_pages_are_copies(body: str, kept: int) -> None:
    lines = [("Annual report of the company", *filter(None, [body.format(n="abcd"[n])])) for n in range(4)]
    pages = [PageParts(n, [Paragraph(text, n, (50, 60, 300, 90), 10, ocr=True)]) for n, text in enumerate(lines, 1)]
    passages, _ = assemble_document(pages, (), "", Options(tokenizer=None))
    assert sum("Annual report" in passage.text for passage in passages) == kept


def test_header_read_a_little_differently_is_dropped_and_words_repeated_within_pages_stay() -> None:
    pages = []
    for number, header in enumerate(["British Husbandry"] * 3 + ["Britich Husbandry"], 1):
        field = ("northern", "southern", "eastern", "western")[number - 1]
        words = [f"The {crop} of the {field} field was sown late." for crop in ("rye", "oats", "peas", "hops")]
        lines = [
            f"{header} {400 + number}",
            *words,
            "Answer of the committee",
            *(f"They say: {word}" for word in words),
        ]
        page = [Paragraph((x,), number, (50, 20 * n, 300, 20 * n + 10), 10, ocr=True) for n, x in enumerate(lines)]
        pages.append(PageParts(number, page))
    text = "\n".join(passage.text for passage in assemble_document(pages, (), "", Options(tokenizer=None))[0])
    assert "Husbandry" not in text
    assert text.count("Answer of the committee") == 4


@pytest.mark.parametrize(("size", "landscape", "kept"), [(10, False, 0), (20, False, 3), (10, True, 3)])
def test_title_of_some_scanned_slides_is_no_header(size: float, landscape: bool, kept: int) -> None:
    pages = []
    firms = [f"firm {letter * 3}" for letter in "abcdefghijklmn"]
    for number, firm in enumerate(firms, 1):
        title = f"Telecom operators ({number})" if number < 4 else f"Outlook of {firm}"
        words = [f"The {what} of {firm} rose." for what in ("revenue", "margin", "share", "price", "churn")]
        box = (50, 60, 300, 160)
        text = [
            Paragraph((title,), number, (50, 10, 300, 30), size, ocr=True),
            Paragraph((*words,), number, box, 10, ocr=True),
        ]
        pages.append(PageParts(number, text, landscape=landscape))
    passages, _ = assemble_document(pages, (), "", Options(tokenizer=None))
    assert sum("Telecom" in " ".join((passage.text, *passage.heading)) for passage in passages) == kept
