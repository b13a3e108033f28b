"""One order, however much of it is asked for: pure functions over lists of things that have an id."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol, TypeVar

from diptych.errors import QueryError

MODALITIES = ("text", "image")


class Listed(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def modality(self) -> str: ...


L = TypeVar("L", bound=Listed)
Band = Callable[[int], tuple[Sequence[L], bool]]
"""At most so many, best first, from ranked lists as deep as they have to be; and whether that is all."""


def continued(band: Band[L], first: int) -> Iterator[L]:
    """The order of ever deeper bands, the first of `first`; what a deeper one adds comes behind what was there.

    A deeper search ranks what was found before anew, so a page of hits must not come from a deeper search than the
    page before it was taken from.
    """
    given: set[str] = set()
    reach, ended = first, False
    while not ended:
        order, ended = band(reach)
        fresh = [one for one in order if one.id not in given]
        for one in fresh[: reach - len(given)]:
            given.add(one.id)
            yield one
        reach *= 2


def check(least: Mapping[str, int], limit: int, offset: int) -> None:
    """Raises `QueryError` for what no page of hits can have."""
    if limit < 1 or offset < 0:
        raise QueryError(f"{limit} hits after the first {offset} cannot be shown")
    if wrong := [name for name, count in least.items() if name not in MODALITIES or count < 0]:
        raise QueryError(f"`least` has {wrong[0]!r}; it tells how many hits of text and of image are wanted")
    if sum(least.values()) > limit:
        raise QueryError(f"`least` wants {sum(least.values())} hits of {limit}; ask for more hits")


def at_least(
    order: Iterable[L], least: Mapping[str, int], size: int, more: Callable[[str], Iterable[L]]
) -> Iterator[L]:
    """`order` with at least `least` things of each modality among every `size`, as long as there are that many.

    `more` gives all of one modality, best first. What is brought forward stands last in its page; what gives way for
    it, the last of what the page has more of than it has to, begins the next page. All else stays in its order.
    """
    given: set[str] = set()
    waiting: deque[L] = deque()
    rest = iter(order)
    spare = {modality: iter(more(modality)) for modality in least}

    def following() -> Iterator[L]:
        while waiting:
            yield waiting.popleft()
        yield from (one for one in rest if one.id not in given)

    while page := list(islice(following(), size)):
        brought = list(_brought(page, least, size, spare, given))
        room = size - len(brought)
        kept, displaced = _kept(page, room, least)
        waiting.extendleft(reversed(displaced))
        for one in (*kept, *brought):
            given.add(one.id)
            yield one


def _brought(
    page: Sequence[L], least: Mapping[str, int], size: int, spare: Mapping[str, Iterator[L]], given: set[str]
) -> Iterator[L]:
    there = {one.id for one in page} | given
    counts = Counter(one.modality for one in page)
    for modality, wanted in least.items():
        fresh = (one for one in spare[modality] if one.id not in there)
        yield from islice(fresh, max(0, wanted - counts[modality]))


def _kept(page: Sequence[L], room: int, least: Mapping[str, int]) -> tuple[list[L], list[L]]:
    """At most `room` of a page, the last giving way first, but none that the page has to have; and those."""
    counts = Counter(one.modality for one in page)
    kept, displaced = list(page), deque[L]()
    for one in reversed(page):
        if len(kept) <= room:
            break
        if counts[one.modality] > least.get(one.modality, 0):
            counts[one.modality] -= 1
            kept.remove(one)
            displaced.appendleft(one)
    return kept, list(displaced)
