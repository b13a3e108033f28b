"""Ligatures whose letters a font does not name for copying."""

from __future__ import annotations

import pytest

from extractors.pdf.page_reader import read_page
from extractors.pdf.render import pymupdf


@pytest.mark.parametrize("shared", [False, True])
def test_letters_of_a_ligature_without_unicode_are_read(shared: bool) -> None:
    document = pymupdf().open()
    page = document.new_page()
    page.insert_text((50, 50), "any", fontname="helv")
    widths, other = document.get_new_xref(), document.get_new_xref()
    values = "[1071 " + " ".join(["600"] * 125) + "]"
    document.update_object(widths, values)
    encoding = "<</Type/Encoding/BaseEncoding/WinAnsiEncoding/Differences[1/T_h 84/T]>>"
    width = f"{widths} 0 R" if shared else values
    name = "/BaseFont/ABCDEF+MinionPro-Regular/FirstChar 1/LastChar 126"
    document.update_object(other, f"<</Type/Font/Subtype/Type1{name}/Widths {width}/Encoding {encoding}>>")
    document.xref_set_key(page.xref, "Resources", f"<</Font<</Named {other} 0 R>>>>")
    content = rb"BT /Named 10 Tf 50 700 Td (\001e text of \001is T) Tj ET"
    document.update_stream(page.get_contents()[0], content)
    assert [line.text for line in read_page(document[0], 1).lines] == ["The text of This T"]
