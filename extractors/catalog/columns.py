"""Types for the columns of a table of text: a column is one type as a whole, so that filters on it mean one thing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from extractors.types import FieldValue

# A leading zero belongs to a code (007, 01234), which loses its meaning as a number.
_INTEGER = re.compile(r"[+-]?(0|[1-9]\d*)$")
_DECIMAL = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d{1,3})?$")
_GROUPED = re.compile(r"[+-]?(0|[1-9]\d{0,2}(,\d{3})+|[1-9]\d*)(\.\d+)?$")
_EUROPEAN = re.compile(r"[+-]?(0|[1-9]\d{0,2}(\.\d{3})+|[1-9]\d*)(,\d{1,2})?$")
_MONEY = re.compile(
    r"(?P<sign>[+-]?)(?P<before>[^\d\s.,+-]{0,4})\s?(?P<number>[\d.,]*\d)\s?(?P<after>[^\d\s.,+-]{0,4})$"
)
_CURRENCIES = "$ € £ ¥ ₹ ₩ ₽ US$ A$ C$ USD EUR GBP JPY CNY CHF INR CAD AUD SEK NOK DKK PLN KRW BRL kr zł Fr."
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False}
_LARGEST = 2**63 - 1


def typed(column: Sequence[str]) -> list[FieldValue | None]:
    """The cells of one column: bool, int, float or text, whatever all its filled cells are; None for an empty cell.

    Money in one currency is a number (`$1,299.00` -> 1299.0); ISO dates stay text, which orders as they do.
    """
    filled = [cell for cell in column if cell]
    convert = _conversion(filled) if filled else str
    return [convert(cell) if cell else None for cell in column]


def _conversion(filled: list[str]) -> Callable[[str], FieldValue]:
    if all(cell.lower() in _BOOLEANS for cell in filled):
        return lambda cell: _BOOLEANS[cell.lower()]
    if all(_INTEGER.match(cell) and abs(int(cell)) <= _LARGEST for cell in filled if len(cell) < 21) and all(
        len(cell) < 21 for cell in filled
    ):
        return int
    if all(_DECIMAL.match(cell) for cell in filled) and not any(_coded(cell) for cell in filled):
        return float
    return _money(filled) or str


def _coded(cell: str) -> bool:
    """True for digits alone that no number is written with: a leading zero, or more of them than a float can keep."""
    digits = cell.lstrip("+-")
    return digits.isdigit() and (len(digits) > 15 or (len(digits) > 1 and digits[0] == "0"))


def _money(filled: list[str]) -> Callable[[str], FieldValue] | None:
    """Reads grouped numbers and amounts of one currency, in the one way of writing that fits every cell."""
    matches = [_MONEY.match(cell) for cell in filled]
    found = [match for match in matches if match]
    if len(found) < len(filled):
        return None
    marks = {match["before"] or match["after"] for match in found} - {""}
    if (
        len(marks) > 1
        or not marks <= {*_CURRENCIES.split()}
        or any(match["before"] and match["after"] for match in found)
    ):
        return None
    numbers = [match["number"] for match in found]
    if not marks and any(_coded(number) for number in numbers):
        return None
    if all(_GROUPED.match(number) for number in numbers):
        return lambda cell: _amount(cell, ",", ".")
    if marks and all(_EUROPEAN.match(number) for number in numbers):
        return lambda cell: _amount(cell, ".", ",")
    return None


def _amount(cell: str, group: str, point: str) -> float:
    match = _MONEY.match(cell)
    assert match is not None  # every cell of the column matched
    return float(match["sign"] + match["number"].replace(group, "").replace(point, "."))
