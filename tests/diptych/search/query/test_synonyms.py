"""Synonym files, and where their phrases count."""

from __future__ import annotations

from pathlib import Path

import pytest

from diptych.errors import SettingsError
from diptych.search.query.query import Query
from diptych.search.query.query_intent import parse_intent
from diptych.search.query.synonyms import load_synonyms
from diptych.search.ranking.page_signals import PAGE_TABLES, PAGE_WORDS, find_documents, measure_signals
from diptych.search.ranking.ranking_inputs import Page
from diptych.search.search import SearchContext, search
from extractors.types import Passage
from tests.support.fakes import document, source
from tests.support.scripted_pipeline import ScriptedPipeline

(ACCOUNTING,) = load_synonyms(("accounting",))
OWN = """
documents = ["pump manual"]
[phrases]
parts = ["rotor", "seal kit"]
[tables]
parts = "parts lists?"
[patterns]
any = "(?:spare|wear)"
[terms]
"{any} parts" = ["{parts}", "gasket"]
"""


def test_terms_match_whole_words_with_any_spacing() -> None:
    assert {"accounts payable", "cost of sales"} <= set(ACCOUNTING.related_phrases("payables  turnover"))
    assert "total current assets" in ACCOUNTING.related_phrases("the cash_ratio") + ACCOUNTING.related_phrases(
        "quick ratio"
    )
    assert not ACCOUNTING.related_phrases("the epsilon of the dioptre")


@pytest.mark.parametrize(
    ("asks_for_amount", "does_not"),
    [
        ("total sales", "where are the sales offices"),
        ("revenue in 2021", "revenue recognition policy in 2021"),
        ("goodwill in FY22", "a gesture of goodwill"),
        ("how much did it spend on buybacks", "buyback programme for old phones"),
    ],
)
def test_ordinary_words_are_terms_only_in_questions_about_amounts(asks_for_amount: str, does_not: str) -> None:
    assert ACCOUNTING.related_phrases(asks_for_amount)
    assert not ACCOUNTING.related_phrases(does_not)


def test_users_write_their_own_file(tmp_path: Path) -> None:
    path = tmp_path / "pumps.toml"
    path.write_text(OWN)
    _, own = load_synonyms(("accounting", str(path)))
    assert own.related_phrases("which Spare parts are there") == ("rotor", "seal kit", "gasket")
    assert [bool(title.search("Parts list")) for title in own.related_tables("spare parts")] == [True]
    assert own.documents == ("pump manual",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "names.toml does not exist; name a TOML file, or one that is shipped: accounting"),
        ("[terms]\n'a(' = ['b']", "missing \\), unterminated subpattern"),
        ("[terms]\na = 'b'", "terms.a: Input should be a valid list"),
        ("[terms]\na = ['{b}']", "there is no \\{b\\}"),
        ("terms = [", "Invalid value"),
        ("[words]\na = ['b']", "names.toml: terms: Field required"),
    ],
)
def test_faulty_files_are_named(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "names.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match=message):
        load_synonyms((str(path),))


def test_synonyms_count_only_in_the_documents_they_are_meant_for() -> None:
    intent = parse_intent("ebitda margin", synonyms=[ACCOUNTING])
    pages = {
        ("filing", 1): Page("consolid balanc sheet"),
        ("filing", 2): Page("oper incom depreci amort interest expens"),
        ("brochure", 1): Page("margin oper"),
        ("brochure", 2): Page("oper incom interest"),
    }
    documents = find_documents(intent.expansions[0], pages)
    assert documents == {"filing"}
    plain, expanded = (measure_signals(intent, pages, chosen)[PAGE_WORDS] for chosen in ((), (documents,)))
    assert expanded["filing", 2] == 1.0
    assert {page: value for page, value in expanded.items() if page[0] == "brochure"} == plain == {("brochure", 1): 1.0}


def test_tables_are_found_by_the_titles_of_a_synonym_file() -> None:
    intent = parse_intent("ebitda margin", synonyms=[ACCOUNTING])
    pages = {
        ("filing", 1): Page("consolid balanc sheet", tables=("CONSOLIDATED BALANCE SHEETS", "(in millions)")),
        ("filing", 2): Page("oper incom", tables=("", "Acme Inc. Consolidated Statements of Operations")),
        ("brochure", 1): Page("oper incom", tables=("Income statement",)),
    }
    documents = find_documents(intent.expansions[0], pages)
    assert measure_signals(intent, pages, [documents])[PAGE_TABLES] == {("filing", 2): 1.0}


def test_synonyms_lead_to_the_statement_and_leave_other_documents_alone(tmp_path: Path) -> None:
    made = ScriptedPipeline(tmp_path, "embedded")
    filing = [Passage("Our margin of safety grows.", 1), Passage("Balance sheet", 2)]
    statement = Passage("Operating income 5, depreciation and amortization 3, interest expense 1", 3)
    made.ingest(source("filing.pdf"), document(*filing, statement))
    made.ingest(source("leaflet.pdf"), document(Passage("The margin is white.", 1), Passage("Operating income.", 2)))

    def pages(name: str, *files: str) -> list[tuple[str, int | None]]:
        pipeline = made.pipeline
        context = SearchContext(pipeline.store, pipeline.spaces, pipeline.pictures, synonyms=load_synonyms(files))
        hits = search([Query("EBITDA margin")], context, 10)[0]
        return [(hit.document, hit.page) for hit in hits if hit.document == name]

    assert pages("filing.pdf")[0] == ("filing.pdf", 1)
    assert pages("filing.pdf", "accounting")[0] == ("filing.pdf", 3)
    assert pages("leaflet.pdf", "accounting") == pages("leaflet.pdf")
    made.index.close()
