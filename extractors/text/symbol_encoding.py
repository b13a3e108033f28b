"""Adobe's Symbol encoding, in which office programs write Greek letters and signs: `25 μm`, `± 2 °C`, `≤ 5`."""

SYMBOL: dict[int, str] = {
    **dict(enumerate("!∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_", 0xF021)),
    **dict(enumerate("αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼", 0xF061)),
    **dict(enumerate("ϒ′≤⁄∞ƒ", 0xF0A1)),
    **dict(enumerate("↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐—↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√", 0xF0AB)),
    **dict(enumerate("¬∧∨⇔⇐⇑⇒⇓◊⟨®©™∑", 0xF0D8)),
}
"""From the code points of the private use area, where its codes are kept in files, to what they print.

Left out are those that only stand before list items; `clean_text` and the PDF extractor know them.
"""

_FIRST = 0xF000


def read_symbol_text(text: str, font: str) -> str:
    """Return `text` with the signs of the Symbol font, if `font` is that one."""
    return text.translate(SYMBOL) if font.startswith("Symbol") else text


def read_symbol(code: int, font: str) -> str:
    """Return the sign with this code, which may be given without the private use area, in a font of symbols."""
    return read_symbol_text(chr(code if code >= _FIRST else _FIRST | code), font)
