"""Give each column of a table one type, so that a filter on it means the same for every row."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from extractors.types import Field, FieldValue

Cell = Field | None
"""A value or a list of values, or None for an empty cell."""

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
_MISSING = frozenset(("n/a", "na", "n.a.", "-", "--", "–", "—", "none", "null", "nan", "?"))
"""What people write in a column of numbers for one that they do not have."""
MAX_ITEM_CHARACTERS = 60
MAX_ITEM_WORDS = 5
"""Longer items are phrases of a sentence, not values to filter by."""

_SEPARATOR = re.compile(r"[;；|]")
_COMMA = re.compile(r",(?!\d)|[，、]")  # not the comma of a number such as 1,5
_ENTITY = re.compile(r"&#?\w+;")


def parse_column(column: Sequence[str], *, lists: bool = True) -> list[Cell]:
    """Convert the cells of a text column to the one type that fits all: bool, int, float, str, or a list of these.

    Amounts in one currency become numbers (`$1,299.00` -> 1299.0), and among numbers `n/a` or `-` is an empty cell. ISO
    dates stay text, which sorts in their order. `lists`: whether texts such as `red; blue` become lists.
    """
    if parse_numbers([cell for cell in column if cell and not _is_missing(cell)]):
        column = ["" if _is_missing(cell) else cell for cell in column]
    values = iter(_convert_lists([cell for cell in column if cell], lists))
    return [next(values) if cell else None for cell in column]


def unify_column(values: Sequence[object]) -> list[Cell]:
    """Convert JSON values to cells of one type: numbers become floats if any is one, other mixtures become text.

    Among numbers, `n/a` or `-` is an empty cell.
    """
    cells = [_json_cell(value) for value in values]
    known = [cell for cell in cells if cell is not None and not _is_missing(cell)]
    if known and {type(cell) for cell in known} <= {int, float}:
        cells = [None if _is_missing(cell) else cell for cell in cells]
    items = [item for cell in cells for item in (cell if isinstance(cell, list) else [cell]) if item is not None]
    kinds = {type(item) for item in items}
    any_list = any(isinstance(cell, list) for cell in cells)
    # The engine cannot find a boolean in a list.
    if len(kinds) > 1 or (any_list and bool in kinds):
        convert = float if kinds == {int, float} else str
        cells = [
            [convert(item) for item in cell] if isinstance(cell, list) else None if cell is None else convert(cell)
            for cell in cells
        ]
    return [cell if cell is None or isinstance(cell, list) else [cell] for cell in cells] if any_list else cells


def odd_cells(column: Sequence[Cell]) -> list[int]:
    """Return the indices of the texts that keep a column from being one of numbers, which more than half of it are."""
    cells = [(at, cell) for at, cell in enumerate(column) if cell is not None]
    odd = [at for at, cell in cells if not (isinstance(cell, str) and parse_numbers([cell]))]
    return odd if len(odd) < len(cells) / 2 else []


def cell_text(cell: Cell) -> str:
    """Return a cell as text; a list is joined by commas, and an empty cell is an empty string."""
    if isinstance(cell, list):
        return ", ".join(map(str, cell))
    return "" if cell is None else str(cell)


def _json_cell(value: object) -> Cell:
    """Return a JSON value as a cell; structures other than a list of plain values become JSON text."""
    if isinstance(value, str):
        return value.strip() or None
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) <= MAX_INTEGER):
        return value
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return [item for item in dict.fromkeys(map(_json_cell, value)) if item is not None] or None  # type: ignore
    return json.dumps(value, ensure_ascii=False)


def _convert_lists(cells: list[str], lists: bool) -> Sequence[Cell]:
    values = _convert_cells(cells)
    split = split_lists(cells) if lists and values is cells else None
    if split is None:
        return values
    items = [item for cell in split for item in cell]
    converted = iter(items if all(item.lower() in _BOOLEANS for item in items) else _convert_cells(items))
    return [[next(converted) for _ in cell] or None for cell in split]


def _convert_cells(cells: list[str]) -> Sequence[FieldValue]:
    if all(cell.lower() in _BOOLEANS for cell in cells):
        return [_BOOLEANS[cell.lower()] for cell in cells]
    return parse_numbers(cells) or cells


def _is_missing(cell: object) -> bool:
    return isinstance(cell, str) and cell.lower() in _MISSING


def parse_numbers(cells: Sequence[str]) -> Sequence[int] | Sequence[float]:
    """Return all cells as numbers of one type, or nothing if any of them is none."""
    if all(_INTEGER.match(cell) and abs(int(cell)) <= MAX_INTEGER for cell in cells):
        return [int(cell) for cell in cells]
    if all(_DECIMAL.match(cell) and not _is_code(cell) for cell in cells):
        return [float(cell) for cell in cells]
    return _parse_amounts(cells)


def _is_code(cell: str) -> bool:
    """Return True for digits that are no quantity: with a leading zero, or more than a float preserves."""
    digits = cell.lstrip("+-")
    return digits.isdigit() and (len(digits) > MAX_FLOAT_DIGITS or (len(digits) > 1 and digits[0] == "0"))


def _parse_amounts(cells: Sequence[str]) -> list[float]:
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


def split_lists(cells: Sequence[str]) -> list[list[str]] | None:
    """Return the distinct items of each cell, or None if the column holds single texts.

    Semicolons and bars separate short items. Commas are part of many names ("Oslo, Norway"), so alone they only
    separate where different cells share items.
    """
    coarse = [_items(cell, _SEPARATOR) for cell in cells]
    fine = [list(chain.from_iterable(_items(item, _COMMA) for item in items)) for items in coarse]
    separated = any(map(_SEPARATOR.search, cells)) and not any(map(_ENTITY.search, cells))
    commas = {len(_COMMA.findall(item)) for items in coarse for item in items}
    # A comma that is in every item as often ("Doe, Jane; Roe, Richard") belongs to the items.
    if commas != {0} and _are_values(fine) and (len(commas) > 1 if separated else _share_items(fine)):
        return [list(dict.fromkeys(items)) for items in fine]
    if separated and _are_values(coarse):
        return [list(dict.fromkeys(items)) for items in coarse]
    return None


def _items(text: str, separator: re.Pattern[str]) -> list[str]:
    return [item for part in separator.split(text) if (item := part.strip())]


def _are_values(lists: Sequence[Sequence[str]]) -> bool:
    """Return True when all items are short and none ends like a sentence."""
    return all(
        len(item) <= MAX_ITEM_CHARACTERS and len(item.split()) <= MAX_ITEM_WORDS and item[-1] not in ".!?…。"
        for item in chain.from_iterable(lists)
    )


def _share_items(lists: Sequence[Sequence[str]]) -> bool:
    """Return True when an item occurs in different lists, and not always at the end as in "Oslo, Norway"."""
    distinct = {tuple(items) for items in lists if items}
    counts = Counter(chain.from_iterable(set(items) for items in distinct))
    if max(counts.values(), default=0) < 2:
        return False
    lower_case = not any(item[0].isupper() for items in distinct for item in items if len(items) > 1)
    return lower_case or bool({items[-1] for items in distinct} & {item for items in distinct for item in items[:-1]})
