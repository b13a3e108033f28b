"""Why a search found nothing, in sentences."""

from __future__ import annotations

from pathlib import Path

from diptych import Diptych, Settings
from diptych.library.explanations import explain_no_hits
from diptych.store.register import DocumentRecord
from diptych.where import parse_where
from extractors.types import FieldValue


def row(number: int, price: FieldValue) -> DocumentRecord:
    fields = {"price": price, "colour": "red"}
    return DocumentRecord(str(number), f"file:///shop.csv#{number}", f"shop.csv#{number}", passages=1, fields=fields)


def test_filter_that_compares_texts_with_a_number_is_explained() -> None:
    texts = [row(1, "5"), row(2, "on request"), row(3, "7")]
    for where in ("price < 10", 'price = 5 and colour = "red"'):
        assert explain_no_hits(texts, parse_where(where)) == (
            'nothing found: price is text and no number, such as "on request" in shop.csv#2'
        )


def test_filter_that_fits_its_field_needs_no_explanation() -> None:
    for price, where in ((5, "price > 10"), ("a", 'price = "b"'), ("yes", "price = true")):
        assert explain_no_hits([row(1, price)], parse_where(where)) == "nothing found"
    assert explain_no_hits([row(1, 5), row(2, "x")], parse_where("price > 10")) == "nothing found"


def test_search_says_that_a_limit_in_the_wording_was_not_used(tmp_path: Path) -> None:
    (tmp_path / "fruit.csv").write_text('description,price\nRed apples,"$3.50, each"\nYellow pears,about $9\n')
    with Diptych.open(Settings(store=":memory:")) as library:
        library.ingest([tmp_path])
        found = library.search("pears under 8 dollars")
    assert found
    assert found.problem == '"under 8 dollars" is not used as a filter: the values of price are texts, not numbers'
