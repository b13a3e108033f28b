"""Symbols in fonts that name them after Latin letters."""

from __future__ import annotations

import pytest

from extractors.pdf.symbol_fonts import read_symbols


@pytest.mark.parametrize(
    ("text", "font", "printed"),
    [
        ("5", "KCCFFN+AdvPi1", "<"),
        ("m", "AdvPi1", "μ"),
        ("¼", "GnrlgcAdvP4C4E74", "="),
        ("l", "LknvhrAdvPSMP13", "μ"),
        ("m", "EPSSymbol-Bold", "μ"),
        ("5 ml ¼", "AdvTimes", "5 ml ¼"),
        ("±", "SymbolMT", "±"),
    ],
)
def test_symbols_are_those_that_are_printed(text: str, font: str, printed: str) -> None:
    assert read_symbols(text, font) == printed
