"""The text of a DOCX paragraph as it is printed: fields resolved, insertions accepted, formulas in a line."""

from collections.abc import Iterator
from typing import Any

from extractors.office_xml import MATH, MC
from extractors.text.symbol_encoding import read_symbol, read_symbol_text
from extractors.word.docx_package import W, value

PRINTED_NUMBER = "printed-number"
"""Attribute in which the reader leaves the number of a note: files only keep its id."""
_SKIPPED = frozenset(
    f"{W}{name}" for name in (
        "del", "moveFrom", "instrText", "delText", "pPr", "rPr", "drawing", "pict", "object", "txbxContent",
        "fldData", "sdtPr", "ruby",
    )
)  # fmt: skip
_CHARACTERS = {f"{W}tab": " ", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-", f"{W}ptab": " "}


def paragraph_text(paragraph: Any) -> str:
    """Return the text of a paragraph, with `[2]` where it refers to footnote 2."""
    return "".join(_pieces(paragraph))


def _pieces(element: Any) -> Iterator[str]:
    for child in element:
        tag = child.tag
        if not isinstance(tag, str) or tag in _SKIPPED or tag == f"{MC}Fallback":
            continue
        if tag == f"{W}t":
            yield child.text or ""
        elif tag in _CHARACTERS:
            yield _CHARACTERS[tag]
        elif tag == f"{W}sym":
            yield _symbol(child)
        elif tag in (f"{W}footnoteReference", f"{W}endnoteReference"):
            yield f"[{child.get(PRINTED_NUMBER)}]"
        elif tag == f"{MATH}oMath":
            yield f" {formula_text(child)} "
        elif tag == f"{W}r":
            yield from _run(child)
        else:
            yield from _pieces(child)


def _run(run: Any) -> Iterator[str]:
    hidden = run.find(f"{W}rPr/{W}vanish")
    if hidden is not None and hidden.get(f"{W}val") not in ("0", "false"):
        return
    fonts = run.find(f"{W}rPr/{W}rFonts")
    text = read_symbol_text("".join(_pieces(run)), fonts.get(f"{W}ascii", "") if fonts is not None else "")
    if value(run, "rPr/vertAlign") == "superscript" and text.lstrip("-−+").isdigit() and _follows_number(run):
        yield "^"
    yield text


def _symbol(element: Any) -> str:
    """The character of Insert > Symbol, which names a code and its font."""
    try:
        return read_symbol(int(element.get(f"{W}char", ""), 16), element.get(f"{W}font", ""))
    except (ValueError, OverflowError):  # no number, or none of a character
        return ""


def _follows_number(run: Any) -> bool:
    """True for the exponent in 10^4, unlike the number of a note after a word."""
    before = run.getprevious()
    text = "".join(before.itertext(f"{W}t")) if before is not None else ""
    return text[-1:].isdigit()


def formula_text(element: Any) -> str:
    """Return an Office formula on one line: `(a + b)/2`, `x^2`, `v_0`, `√(x)`."""
    name = element.tag.removeprefix(MATH) if isinstance(element.tag, str) else ""
    parts = {
        one: formula_text(child) for one in ("e", "num", "den", "sup", "sub") for child in element.findall(MATH + one)
    }
    if name == "t":
        return element.text or ""
    if name == "f":
        return f"{_bracket(parts.get('num', ''))}/{_bracket(parts.get('den', ''))}"
    if name in ("sSup", "sSub", "sSubSup"):
        sub = f"_{_bracket(parts['sub'])}" if parts.get("sub") else ""
        sup = f"^{_bracket(parts['sup'])}" if parts.get("sup") else ""
        return f"{parts.get('e', '')}{sub}{sup}"
    if name == "rad":
        return f"√({parts.get('e', '')})"
    if name == "d":
        return f"({', '.join(formula_text(child) for child in element.findall(f'{MATH}e'))})"
    return "".join(formula_text(child) for child in element)


def _bracket(text: str) -> str:
    return text if len(text) < 2 or text.isalnum() else f"({text})"
