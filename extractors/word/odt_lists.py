"""The numbers and bullets that ODT prints before the items of its lists."""

from collections.abc import Iterable
from typing import Any

from extractors.office_xml import STYLE, TEXT
from extractors.text.list_numbers import STYLES, format_number

MAX_DIGITS = 6


class Lists:
    """Counts the items of the lists that are open, each within the one before."""

    def __init__(self, roots: Iterable[Any]) -> None:
        """`roots` have the styles of lists."""
        self._styles = {
            style.get(f"{STYLE}name"): {level.get(f"{TEXT}level"): level for level in style}
            for root in roots
            for style in root.iter(f"{TEXT}list-style")
        }
        self._open: list[tuple[str, int]] = []  # name of the style, and the last number
        self._ended: dict[tuple[str, int], int] = {}  # style and depth of a list -> its last number

    def open(self, element: Any) -> None:
        name = element.get(f"{TEXT}style-name") or (self._open[-1][0] if self._open else "")
        depth = len(self._open) + 1
        continues = element.get(f"{TEXT}continue-numbering") == "true" or element.get(f"{TEXT}continue-list")
        last = self._ended.get((name, depth)) if continues else None
        self._open.append((name, _number(self._level(name, depth), "start-value", 1) - 1 if last is None else last))

    def close(self) -> None:
        name, last = self._open.pop()
        self._ended[name, len(self._open) + 1] = last

    def count(self, item: Any) -> None:
        """Count an item; one that only holds a list within it prints no number."""
        if item.find(f"{TEXT}p") is not None or item.find(f"{TEXT}h") is not None:
            name, last = self._open[-1]
            self._open[-1] = name, _number(item, "start-value", last + 1)

    def marker(self) -> str:
        """What is printed before the item that was counted last: `2.1`, `b)`, `•` or `–`."""
        depth = len(self._open)
        style = self._level(self._open[-1][0], depth)
        if style is None or not style.get(f"{STYLE}num-format"):
            return "–" if depth > 1 else "•"
        first = max(depth - _number(style, "display-levels", 1), 0)
        numbers = []
        for above, (name, number) in enumerate(self._open[first:], first + 1):
            level = self._level(name, above)
            code = level.get(f"{STYLE}num-format", "") if level is not None else ""
            numbers += [format_number(number, STYLES.get(code, code))] if code else []
        printed = ".".join(numbers)
        return f"{style.get(f'{STYLE}num-prefix', '')}{printed}{style.get(f'{STYLE}num-suffix', '')}".strip()

    def _level(self, name: str, depth: int) -> Any:
        return self._styles.get(name, {}).get(str(depth))


def _number(element: Any, name: str, default: int) -> int:
    value = element.get(f"{TEXT}{name}", "") if element is not None else ""
    return int(value) if value.isdecimal() and len(value) <= MAX_DIGITS else default
