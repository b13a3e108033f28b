"""Give each column of a table one type, so that a filter on it means the same for every row."""

import json
import re
from collections.abc import Sequence

from extractors.types import FieldValue

Cell = FieldValue | None
"""A value, or None for an empty cell."""

MAX_INTEGER = 2**63 - 1
MAX_FLOAT_DIGITS = 15
"""Decimal digits that a float preserves."""

# A leading zero belongs to a code (007, 01234), which would lose its meaning as a number.
_INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,19})$")
_DECIMAL = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d{1,3})?$")
_GROUPED = re.compile(r"[+-]?(0|[1-9]\d{0,2}(,\d{3})+|[1-9]\d*)(\.\d+)?$")
_EUROPEAN = re.compile(r"[+-]?(0|[1-9]\d{0,2}(\.\d{3})+|[1-9]\d*)(,\d{1,2})?$")
_MONEY = re.compile(
    r"(?P<sign>[+-]?)(?P<before>[^\d\s.,+-]{0,4})\s?(?P<number>[\d.,]*\d)\s?(?P<after>[^\d\s.,+-]{0,4})$"
)
_CURRENCIES = frozenset((
    "$", "€", "£", "¥", "₹", "₩", "₽", "US$", "A$", "C$", "USD", "EUR", "GBP", "JPY", "CNY", "CHF", "INR", "CAD", "AUD",
    "SEK", "NOK", "DKK", "PLN", "KRW", "BRL", "kr", "zł", "Fr.",
))  # fmt: skip
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False}


def parse_column(column: Sequence[str]) -> list[Cell]:
    """Convert the cells of a text column to the one type that fits all: bool, int, float or str.

    Amounts in one currency become numbers (`$1,299.00` -> 1299.0). ISO dates stay text, which sorts in their order.
    """
    values = iter(_convert_cells([cell for cell in column if cell]))
    return [next(values) if cell else None for cell in column]


def unify_column(values: Sequence[object]) -> list[Cell]:
    """Convert JSON values to cells of one type: numbers become floats if any is one, other mixtures become text."""
    cells = [_json_cell(value) for value in values]
    kinds = {type(cell) for cell in cells if cell is not None}
    if len(kinds) < 2:
        return cells
    convert = float if kinds == {int, float} else str
    return [None if cell is None else convert(cell) for cell in cells]


def _json_cell(value: object) -> Cell:
    """Return a JSON value as a cell: lists of plain values joined by commas, deeper structures as JSON text."""
    if isinstance(value, str):
        return value.strip() or None
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) <= MAX_INTEGER):
        return value
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(map(str, value)) or None
    return json.dumps(value, ensure_ascii=False)


def _convert_cells(cells: list[str]) -> Sequence[FieldValue]:
    if all(cell.lower() in _BOOLEANS for cell in cells):
        return [_BOOLEANS[cell.lower()] for cell in cells]
    if all(_INTEGER.match(cell) and abs(int(cell)) <= MAX_INTEGER for cell in cells):
        return [int(cell) for cell in cells]
    if all(_DECIMAL.match(cell) and not _is_code(cell) for cell in cells):
        return [float(cell) for cell in cells]
    return _parse_amounts(cells) or cells


def _is_code(cell: str) -> bool:
    """Return True for digits that are no quantity: with a leading zero, or more than a float preserves."""
    digits = cell.lstrip("+-")
    return digits.isdigit() and (len(digits) > MAX_FLOAT_DIGITS or (len(digits) > 1 and digits[0] == "0"))


def _parse_amounts(cells: list[str]) -> list[float]:
    """Return grouped numbers or amounts of one currency as floats, or [] unless one notation fits every cell."""
    matches = [match for cell in cells if (match := _MONEY.match(cell))]
    if len(matches) < len(cells) or any(match["before"] and match["after"] for match in matches):
        return []
    currencies = {match["before"] or match["after"] for match in matches} - {""}
    if len(currencies) > 1 or not currencies <= _CURRENCIES:
        return []
    numbers = [match["number"] for match in matches]
    if not currencies and any(map(_is_code, numbers)):
        return []
    if all(map(_GROUPED.match, numbers)):
        plain = [number.replace(",", "") for number in numbers]
    elif currencies and all(map(_EUROPEAN.match, numbers)):
        plain = [number.replace(".", "").replace(",", ".") for number in numbers]
    else:
        return []
    return [float(match["sign"] + number) for match, number in zip(matches, plain, strict=True)]
