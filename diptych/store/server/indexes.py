"""The payload indexes of one collection on a server, and filters that only use what is indexed.

Every column of a catalogue gets an index of its type when its first value is written. A server in strict mode refuses
conditions without an index, and many servers cannot match parts of texts, so filters are rewritten accordingly.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from datetime import date

from qdrant_client.models import CollectionInfo, PayloadSchemaType

from diptych.errors import QueryError
from diptych.store.filters import FLAGS, FOLIO, LISTS, Json, is_date, payload_key
from diptych.store.types import KEYWORD_FIELDS, Point
from extractors.types import Field

FIXED_INDEXES: dict[str, dict[str, PayloadSchemaType]] = {
    kind: dict.fromkeys(KEYWORD_FIELDS[kind], PayloadSchemaType.KEYWORD)
    | dict.fromkeys(("page", FOLIO), PayloadSchemaType.INTEGER)
    | {"modality": PayloadSchemaType.KEYWORD}
    for kind in ("text", "images", "pages")
} | {
    "documents": dict.fromkeys(("lease", "host"), PayloadSchemaType.KEYWORD) | {"generation": PayloadSchemaType.INTEGER}
}
"""Collection -> payload field of filters -> its index. `modality` comes last: where it is missing, columns may be."""
LISTS_OF_NAMES = (FLAGS, LISTS)
"""Payload fields that many stores never have; indexed like columns."""
MAX_COLUMNS = 80
"""Further columns get no index: with the fixed ones, this stays below the hundred that Qdrant Cloud allows."""
MAX_VALUES = 100_000
"""Distinct values of a column that `contains` compares."""
NOTHING: Json = {"has_id": []}
EVERYTHING: Json = {"must_not": [NOTHING]}


def index_types(info: CollectionInfo | None) -> dict[str, PayloadSchemaType]:
    """Payload path -> type of its index, as the server describes a collection."""
    return {key: index.data_type for key, index in info.payload_schema.items()} if info else {}


class PayloadIndexes:
    """Thread-safe, because creating an index twice does no harm."""

    def __init__(
        self,
        kind: str,
        read: Callable[[], Mapping[str, PayloadSchemaType]],
        create: Callable[[str, PayloadSchemaType], object],
        values: Callable[[str], list[str]],
    ) -> None:
        """`read`: the indexes on the server; `create`: adds one; `values`: the distinct values of a keyword index."""
        self._kind, self._read, self._create, self._values = kind, read, create, values
        self._known: dict[str, PayloadSchemaType] = {}
        """Payload path without quotes -> type of its index."""

    def prepare(self, stored: Mapping[str, PayloadSchemaType], points: Iterable[Point]) -> None:
        """Create the indexes that are missing: `stored` are those there are, `points` are read if columns are."""
        self._learn(stored)
        fixed = FIXED_INDEXES[self._kind]
        if any(field not in self._known for field in fixed):
            self.add_columns(points)
        for field, type_ in fixed.items():
            if field not in self._known:
                self._add(field, type_)

    def add_columns(self, points: Iterable[Point]) -> None:
        """Create an index for every column of the user's own that has none yet. To be called before points are written.

        A column of dates in which another text appears becomes one of texts.
        """
        if self._kind == "documents":
            return
        for point in points:
            columns = {payload_key(name): value for name, value in point.payload.get("fields", {}).items()}
            lists = {name: point.payload.get(name, []) for name in LISTS_OF_NAMES}
            for key, value in (lists | columns).items():
                type_ = _type_of(value)
                known = self._known.get(_plain(key))
                becomes_text = known == PayloadSchemaType.DATETIME and type_ == PayloadSchemaType.KEYWORD
                if type_ and (becomes_text or (known is None and not self._is_full)):
                    self._add(key, type_)

    def rewrite(self, spec: Json) -> Json:
        """The filter with conditions that the server can check with its indexes."""
        clauses = {clause: list(map(self.rewrite, spec[clause])) for clause in spec.keys() & _CLAUSES}
        if clauses:
            return clauses
        if "has_id" in spec:
            return spec
        is_empty = "is_empty" in spec
        key = spec["is_empty"]["key"] if is_empty else spec["key"]
        type_ = self._type_of_index(key)
        if type_ is None and self._kind != "documents" and not self._is_full:
            return EVERYTHING if is_empty else NOTHING  # no point has the field
        match spec:
            case {"match": {"substring": part}} if type_ == PayloadSchemaType.KEYWORD:
                return self._any_value(key, lambda value: part in value)
            case {"match": {"substring": part}} if type_ == PayloadSchemaType.DATETIME:
                return _dates_with(key, part)
            case {"match": {"substring": part}}:
                return {"key": key, "match": {"text": part}}
            case {"match": {"value": str(value)}} if type_ == PayloadSchemaType.DATETIME:
                return _same_date(key, value)
            case {"match": {"any": values}} if type_ == PayloadSchemaType.DATETIME:
                return {"should": [_same_date(key, value) for value in values]}
            case {"range": bounds} if type_ == PayloadSchemaType.KEYWORD and _has_dates(bounds):
                return self._any_value(key, lambda value: _is_within(value, bounds))
        return spec

    def _any_value(self, key: str, wanted: Callable[[str], bool]) -> Json:
        """The points with one of the values of a column that are `wanted`."""
        values = self._values(key)
        if len(values) >= MAX_VALUES:
            name = _plain(key).removeprefix("fields.")
            raise QueryError(f"filter on {name!r}: it has more than {MAX_VALUES:,} different values; compare it with =")
        found = list(filter(wanted, values))
        return {"key": key, "match": {"any": found}} if found else NOTHING

    def _type_of_index(self, key: str) -> PayloadSchemaType | None:
        if _plain(key) not in self._known and self._kind != "documents":
            self._learn(self._read())  # another process may have written the first value since
        return self._known.get(_plain(key))

    @property
    def _is_full(self) -> bool:
        return len(self._known) >= len(FIXED_INDEXES[self._kind]) + len(LISTS_OF_NAMES) + MAX_COLUMNS

    def _learn(self, stored: Mapping[str, PayloadSchemaType]) -> None:
        self._known.update({_plain(key): type_ for key, type_ in stored.items()})

    def _add(self, key: str, type_: PayloadSchemaType) -> None:
        self._create(key, type_)
        self._known[_plain(key)] = type_


_CLAUSES = {"must", "should", "must_not"}


def _plain(key: str) -> str:
    """A payload path without quotes: a server only returns those that it needs."""
    return key.replace('"', "")


def _type_of(value: Field) -> PayloadSchemaType | None:
    """The type of index for a value; None for an empty list."""
    items = value if isinstance(value, list) else [value]
    if not items:
        return None
    if isinstance(items[0], bool):
        return PayloadSchemaType.BOOL
    if isinstance(items[0], int | float):
        return PayloadSchemaType.FLOAT
    return PayloadSchemaType.DATETIME if all(is_date(str(item)) for item in items) else PayloadSchemaType.KEYWORD


def _same_date(key: str, value: str) -> Json:
    return {"key": key, "range": {"gte": value, "lte": value}} if is_date(value) else NOTHING


def _dates_with(key: str, part: str) -> Json:
    """Dates that begin with a year, a month or a day."""
    first = part + "-01-01"[len(part) - 4 :] if len(part) in (4, 7, 10) else ""
    if not is_date(first):
        name = _plain(key).removeprefix("fields.")
        raise QueryError(f"filter on {name!r}: it holds dates; `contains` finds a year, month or day such as 2026-01")
    start = date.fromisoformat(first)
    days = monthrange(start.year, start.month)[1]
    last = {4: f"{part}-12-31", 7: f"{part}-{days}"}.get(len(part), part)
    return {"key": key, "range": {"gte": first, "lte": f"{last}T23:59:59.999999"}}


def _has_dates(bounds: Json) -> bool:
    return any(isinstance(bound, str) for bound in bounds.values())


def _is_within(value: str, bounds: Json) -> bool:
    """Whether a text is a date within bounds; ISO dates sort as texts."""
    if not is_date(value):
        return False
    checks = {"lt": value.__lt__, "lte": value.__le__, "gt": value.__gt__, "gte": value.__ge__}
    return all(checks[name](bound) for name, bound in bounds.items())
