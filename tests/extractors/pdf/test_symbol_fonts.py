"""Symbols in fonts that name them after Latin letters."""

from __future__ import annotations

import pytest

from extractors.pdf.page_reader import read_page
from extractors.pdf.render import pymupdf
from extractors.pdf.symbol_fonts import read_symbols


@pytest.mark.parametrize(
    ("text", "font", "printed"),
    [
        ("5", "KCCFFN+AdvPi1", "<"),
        ("m", "AdvPi1", "μ"),
        ("¼", "GnrlgcAdvP4C4E74", "="),
        ("l", "LknvhrAdvPSMP13", "μ"),
        ("m", "EPSSymbol-Bold", "μ"),
        ("\x15¼", "GnrlgcTeX_CM_Maths_Symbols", "≥="),
        ("½ðaÞŠ", "AdvP4C4E74", "[(a)]"),
        ("\x02", "MATHG-1A", "μ"),
        ("e", "AdvPS44A44B", "–"),
        ("€", "HsfhmxAdvP4C4E59", "¨"),
        ("5 ml ¼", "AdvTimes", "5 ml ¼"),
        ("˘5 ˝C ď L´1", "ODCKXF+TeX-matha8", "±5 °C ≤ L−′"),
        ("±", "SymbolMT", "±"),
        ("\uf06d \uf0b1 2 \uf0a3", "ABCDEF+SymbolMT", "μ ± 2 ≤"),
        ("\uf0e5\uf03d", "EuclidSymbol-Italic", "∑="),
        ("\uf0d7", "Symbol", "\uf0d7"),
        ("\uf06d", "Wingdings-Regular", "\uf06d"),
    ],
)
def test_symbols_are_those_that_are_printed(text: str, font: str, printed: str) -> None:
    assert read_symbols(text, font) == printed


def _lines_with(font: str, differences: str, text: str, *, shared: bool = False) -> list[str]:
    """The lines of a page whose `text` changes to a font with this encoding and back at every bar."""
    document = pymupdf().open()
    page = document.new_page()
    page.insert_text((50, 50), "plain", fontname="helv")
    other, encoding = document.get_new_xref(), document.get_new_xref()
    names = f"<</Type/Encoding/Differences[{differences}]>>"
    document.update_object(encoding, names)
    reference = f"{encoding} 0 R" if shared else names
    document.update_object(other, f"<</Type/Font/Subtype/Type1/BaseFont/{font}/Encoding {reference}>>")
    plain = page.get_fonts()[0][0]
    document.xref_set_key(page.xref, "Resources", f"<</Font<</helv {plain} 0 R/Named {other} 0 R>>>>")
    shown = "".join(f"/{('helv', 'Named')[n % 2]} 10 Tf ({part}) Tj " for n, part in enumerate(text.split("|")))
    document.update_stream(page.get_contents()[0], f"BT 50 700 Td {shown} ET".encode("latin-1"))
    return [line.text for line in read_page(document[0], 1).lines]


def test_glyphs_named_by_number_are_read_whatever_codes_they_have() -> None:
    text = r"from 4 |\001|C to 10|\002|3 m"
    assert _lines_with("AdvP4C4E74", "1/C14/C0", text) == ["from 4 °C to 10−3 m"]
    assert _lines_with("ABCDEF+GnrlgcAdvP4C4E74", "1/C0 2/C14", text, shared=True) == ["from 4 −C to 10°3 m"]
    assert _lines_with("AdvPSSym", "1/C211", r"|\001| 2020 The Authors") == ["© 2020 The Authors"]


def test_glyphs_named_by_number_in_other_fonts_stay_unknown() -> None:
    (line,) = _lines_with("Private", "1/C14/C0", r"from 4 |\001|C")
    assert "°" not in line
    (line,) = _lines_with("AdvP4C4E74", "1/C99", r"from 4 |\001|C")
    assert line.replace("\x01", "") == "from 4 C"
