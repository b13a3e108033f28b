"""Why a search found nothing, in sentences."""

from __future__ import annotations

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
