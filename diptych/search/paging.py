"""Pages of hits that fit together, whatever number of hits is requested."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from numbers import Integral

from diptych.errors import QueryError
from diptych.search.query.query import Query
from diptych.search.query.query_options import MODALITIES
from diptych.search.ranking.result_order import RankedPart

Band = Callable[[int], tuple[Sequence[RankedPart], bool]]
"""Size -> that many of the best results, and whether these are all."""


def stable_order(band: Band, first: int) -> Iterator[RankedPart]:
    """The results of ever larger bands, beginning with size `first`; each band adds its new results at the end.

    A deeper search ranks everything anew, so without this, two pages of hits could overlap.
    """
    seen: set[str] = set()
    size, complete = first, False
    while not complete:
        order, complete = band(size)
        new = [point for point in order if point.key not in seen]
        for point in new[: size - len(seen)]:
            seen.add(point.key)
            yield point
        size *= 2


def check_page(query: Query, limit: int, offset: int) -> None:
    """Raises `QueryError` for numbers that no page of hits can satisfy."""
    counts = {**query.least, **query.exact}
    check_number("limit", limit, 1)
    check_number("offset", offset, 0)
    if wrong := [name for name, count in counts.items() if name not in MODALITIES or count < 0]:
        raise QueryError(f"`least` or `exact` has {wrong[0]!r}; both take a number of hits for text and for image")
    if sum(counts.values()) > limit:
        raise QueryError(f"the query requires {sum(counts.values())} hits but the limit is {limit}; raise the limit")


def check_number(name: str, value: int, minimum: int) -> None:
    """Raises `QueryError` for anything but a whole number of at least `minimum`."""
    number: object = value
    if not isinstance(number, Integral) or value < minimum:
        raise QueryError(f"{name} must be a whole number of at least {minimum}, not {value!r}")


def with_minimum(
    order: Iterable[RankedPart],
    least: Mapping[str, int],
    size: int,
    of_modality: Callable[[str], Iterable[RankedPart]],
    exact: Iterable[str] = (),
) -> Iterator[RankedPart]:
    """`order` with at least `least` results of each modality in every page of `size`, as far as that many exist.

    Modalities in `exact` have no more than that, and the first page that cannot be filled is the last. `of_modality`
    returns all results of one modality, best first. Results that are added come last on their page; those that they
    displace, the last of a modality with more than its minimum, begin the next page.
    """
    seen: set[str] = set()
    displaced: deque[RankedPart] = deque()
    rest = iter(order)
    spare = {modality: iter(of_modality(modality)) for modality in least}

    def following() -> Iterator[RankedPart]:
        while displaced:
            yield displaced.popleft()
        yield from (point for point in rest if point.key not in seen)

    while page := list(islice(following(), size)):
        added = list(_missing(page, least, spare, seen))
        kept, removed = _make_room(page, size - len(added), least, exact)
        displaced.extendleft(reversed(removed))
        for point in (*kept, *added):
            seen.add(point.key)
            yield point
        if exact and len(kept) + len(added) < size:
            return


def _missing(
    page: Sequence[RankedPart], least: Mapping[str, int], spare: Mapping[str, Iterator[RankedPart]], seen: set[str]
) -> Iterator[RankedPart]:
    present = {point.key for point in page} | seen
    counts = _count_modalities(page)
    for modality, minimum in least.items():
        new = (point for point in spare[modality] if point.key not in present)
        yield from islice(new, max(0, minimum - counts[modality]))


def _make_room(
    page: Sequence[RankedPart], size: int, least: Mapping[str, int], exact: Iterable[str]
) -> tuple[list[RankedPart], list[RankedPart]]:
    """(at most `size` results that stay, the others); the last are removed first, but never below `least`."""
    counts = _count_modalities(page)
    kept, removed = list(page), deque[RankedPart]()
    for point in reversed(page):
        too_many = len(kept) > size or any(modality in exact for modality in point.modalities)
        if too_many and all(counts[modality] > least.get(modality, 0) for modality in point.modalities):
            counts.subtract(point.modalities)
            kept.remove(point)
            removed.appendleft(point)
    return kept, list(removed)


def _count_modalities(page: Iterable[RankedPart]) -> Counter[str]:
    """Number of hits by modality; a catalogue row may have both."""
    return Counter(modality for point in page for modality in point.modalities)
