"""Recognise columns whose cells are lists, such as tags written as `waterproof; hiking, winter`."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

MAX_ITEM_CHARACTERS = 60
MAX_ITEM_WORDS = 5
"""Longer items are phrases of a sentence, not values to filter by."""

_SEPARATOR = re.compile(r"[;；|]")
_COMMA = re.compile(r",(?!\d)|[，、]")  # not the comma of a number such as 1,5
_ENTITY = re.compile(r"&#?\w+;")


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
