"""The values that a chart refers to, filled in where its file does not repeat them: only Excel writes both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice, product
from typing import Any

from extractors.sheets.number_format import plain_number
from extractors.sheets.types import Cell, Cells
from extractors.slides.charts import MAX_ROWS

_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_CACHES = {f"{_C}numRef": f"{_C}numCache", f"{_C}strRef": f"{_C}strCache"}
_REFERENCE = re.compile(r"(?:'((?:[^']|'')+)'|([^'!]+))!\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?")


def fill_caches(space: Any, sheets: Mapping[str, Cells]) -> None:
    """Add the values of every reference in a `c:chartSpace` element that has none; `sheets` are the cells by sheet."""
    for reference in space.iter(*_CACHES):
        if reference.find(f".//{_C}pt") is None:
            texts = _texts(reference.findtext(f"{_C}f") or "", sheets)
            if texts and reference.tag == f"{_C}numRef" and not any(map(_is_number, texts)):
                reference.tag = f"{_C}strRef"  # some programs call names of categories numbers
            cache = reference.makeelement(_CACHES[reference.tag])
            cache.append(cache.makeelement(f"{_C}ptCount", {"val": str(len(texts))}))
            for index, text in enumerate(texts):
                point = cache.makeelement(f"{_C}pt", {"idx": str(index)})
                value = cache.makeelement(f"{_C}v")
                value.text = text
                point.append(value)
                cache.append(point)
            reference.append(cache)


def _texts(reference: str, sheets: Mapping[str, Cells]) -> list[str]:
    from openpyxl.utils import column_index_from_string

    match = _REFERENCE.fullmatch(reference.strip())
    if match is None:
        return []
    cells = sheets.get((match[1] or match[2]).replace("''", "'"), {})
    left, right = (column_index_from_string(one) - 1 for one in (match[3], match[5] or match[3]))
    top, bottom = int(match[4]) - 1, int(match[6] or match[4]) - 1
    places = islice(product(range(top, bottom + 1), range(left, right + 1)), MAX_ROWS)
    return [_plain_text(cells.get(place)) for place in places]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _plain_text(cell: Cell | None) -> str:
    """Numbers without their format, as Excel writes them."""
    return "" if cell is None else cell.text if cell.number is None else plain_number(cell.number)
