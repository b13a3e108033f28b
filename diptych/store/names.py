"""Document names: every document has one, and users may shorten it.

A name depends only on the address of its document and on the root of the store: it is the path below the root, or the
absolute path of a document elsewhere. So no two documents of a store have the same name, in whatever order and from
whatever folder they were ingested.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal, NamedTuple
from urllib.parse import unquote

from diptych.errors import QueryError
from diptych.printable import first_names
from diptych.store.register import (
    DocumentRecord,
    list_records,
    locked_record,
    seen_version,
    write_fact,
    write_record,
)
from diptych.store.types import STORE_ID, Store
from diptych.store.visible_points import visible_points
from diptych.where import And, Compare, Expression, In, Not, Or, comparisons
from extractors.addresses import local_path, place_path
from extractors.formats import has_rows, is_archive

Kind = Literal["document", "catalogue", "folder", "filter"]
KINDS: tuple[Kind, ...] = ("document", "catalogue", "folder")
PART_FIELDS = ("page", "kind", "modality")
"""Fields in which the parts of one document differ."""
_NUMBER = re.compile(r"([0-9]{1,18})")
MAX_CANDIDATES = 8
"""Names listed in a message."""


class NamedDocuments(NamedTuple):
    """The documents that a name or a filter stands for."""

    kind: Kind
    documents: tuple[DocumentRecord, ...]
    """One document, all rows of a catalogue, everything in a folder, or all that match a filter."""


def document_name(uri: str, root: str) -> str:
    """The name of the document at `uri`: its path below the folder `root`, else its absolute path.

    An empty `root` stands for none.
    """
    path = local_path(uri)
    return path.removeprefix(root.rstrip("/") + "/") if root else path


def in_natural_order(documents: Iterable[DocumentRecord]) -> list[DocumentRecord]:
    """The documents by name, with numbers as numbers: row 2 of a catalogue before row 10."""

    def key(document: DocumentRecord) -> list[str | int]:
        return [int(piece) if place % 2 else piece for place, piece in enumerate(_NUMBER.split(document.name))]

    return sorted(documents, key=key)


def select_documents(name: str, records: Iterable[DocumentRecord]) -> NamedDocuments | None:
    """The documents that `name` stands for; None if there are none.

    `name`: the name, path or URI of a document, a catalogue or a folder, or the end of one: `report.pdf` for
    `reports/2026/report.pdf`. A whole name is preferred to the end of another. Raises `QueryError` for the end of
    several names.
    """
    wanted, records = local_path(name), list(records)
    if exact := [record for record in records if record.uri == name]:
        return _with_parts(exact[0], records)
    kinds: tuple[Kind, ...] = ("folder",) if wanted.endswith("/") else KINDS
    wanted = wanted.rstrip("/") or "/"
    for find_place in (_whole_place, _ending_place):
        for kind in kinds if name else ():
            places: dict[str, list[DocumentRecord]] = defaultdict(list)
            for record in records:
                if place := find_place(record, kind, wanted):
                    places[place].append(record)
            if len(places) > 1:
                names = sorted(_place_name(place, found[0]) for place, found in places.items())
                raise QueryError(f"{name} is ambiguous; use one of {first_names(names, MAX_CANDIDATES)}")
            for found in places.values():
                if kind == "document" and len(found) > 1:  # a file may be called what another's bytes are shown as
                    addresses = ", ".join(record.uri for record in found[:MAX_CANDIDATES])
                    raise QueryError(f"{name} is ambiguous; use one of {addresses}")
                return _with_parts(found[0], records) if kind == "document" else NamedDocuments(kind, tuple(found))
    return None


def _with_parts(record: DocumentRecord, records: Iterable[DocumentRecord]) -> NamedDocuments:
    """A document, and all that is stored of it if it is an archive or a catalogue that could not be read since."""
    parts = [one for one in records if one.uri.startswith(f"{record.uri}#")] if _is_whole_of_parts(record) else []
    return NamedDocuments("catalogue" if parts else "document", (record, *parts))


def _is_whole_of_parts(record: DocumentRecord) -> bool:
    return "#" not in record.uri and (is_archive(path := place_path(record.uri)) or has_rows(path))


def find_matching(where: Expression, store: Store) -> set[str]:
    """Ids of the documents that a search with this filter may find.

    Raises `QueryError` for an ambiguous name, and for a condition on parts of documents, such as their pages.
    """
    if parts := sorted({one.field for one in comparisons(where)} & set(PART_FIELDS)):
        raise QueryError(f"filter: {parts[0]} selects parts of documents; use document and your own fields")
    resolved = resolve_names(where, NameCache().finder(store))
    points = visible_points(store, [store.text, store.images], resolved)
    return {point.payload["document_id"] for point in points}


class NameCache:
    """Ids of the documents that names stand for, found once per register version. Thread-safe."""

    def __init__(self) -> None:
        self._cached: tuple[str, list[DocumentRecord], dict[str, tuple[str, ...]]] = "", [], {}

    def ids(self, name: str, store: Store, *, part: bool = False) -> tuple[str, ...]:
        """`part`: of all documents whose names contain `name`. Otherwise raises `QueryError` for an ambiguous name."""
        _, records, known = self._read(store)
        if part:
            return find_ids(name, records, part=True)
        if name not in known:
            known[name] = find_ids(name, records)
        return known[name]

    def records(self, store: Store) -> list[DocumentRecord]:
        """Of all documents."""
        return self._read(store)[1]

    def _read(self, store: Store) -> tuple[str, list[DocumentRecord], dict[str, tuple[str, ...]]]:
        version = seen_version(store)
        if self._cached[0] != version:
            records, known = list_records(store), dict[str, tuple[str, ...]]()
            for record in records:  # whole names are the most frequent; to compare each with all records takes long
                if not _is_whole_of_parts(record):
                    known[record.name] = (*known.get(record.name, ()), record.id)
            self._cached = version, records, known  # replaced as one value: threads share it
        return self._cached

    def finder(self, store: Store) -> Callable[[str, bool], tuple[str, ...]]:
        """For `resolve_names`."""
        return lambda name, part: self.ids(name, store, part=part)


def find_ids(name: str, records: Iterable[DocumentRecord], *, part: bool = False) -> tuple[str, ...]:
    """As `NameCache.ids`, among these documents."""
    if part:
        return tuple(record.id for record in records if name.casefold() in record.name.casefold())
    selected = select_documents(name, records)
    return tuple(record.id for record in selected.documents) if selected else ()


def distinct_documents(found: Iterable[NamedDocuments]) -> list[DocumentRecord]:
    """The documents, each once."""
    return list({record.id: record for one in found for record in one.documents}.values())


def resolve_names(where: Expression, find: Callable[[str, bool], tuple[str, ...]]) -> Expression:
    """The filter with comparisons of `document` as comparisons of ids. Raises `QueryError` for an ambiguous name.

    `find`: returns the ids of the documents with a name, or with a part of a name.
    """
    match where:
        case And(parts) | Or(parts):
            return type(where)(tuple(resolve_names(part, find) for part in parts))
        case Not(part):
            return Not(resolve_names(part, find))
        case Compare("document", "!=", value):
            return Not(resolve_names(Compare("document", "=", value), find))
        case Compare("document", "=" | "contains" as operator, value):
            ids = find(str(value), operator == "contains")
        case In("document", values):
            ids = tuple(identity for value in values for identity in find(str(value), False))
        case _:
            return where
    return In("document_id", ids or ("",))  # no id is empty


def bind_names(store: Store, root: str) -> None:
    """Rename all documents if the store was last opened with another root, or before names depended on one."""
    bound = store.facts.get(STORE_ID)
    if bound and bound.get("root") != root:
        rename_documents(store, root)
        write_fact(store, STORE_ID, bound | {"root": root})


def rename_documents(store: Store, root: str) -> None:
    """Give every document its name below `root`. Only the register is written."""
    for record in list_records(store):
        if record.name != document_name(record.uri, root):
            with locked_record(store, record.id) as current:
                if current:
                    write_record(store, replace(current, name=document_name(current.uri, root)))


def _whole_place(record: DocumentRecord, kind: Kind, wanted: str) -> str:
    """`wanted` if it is the name, path or URI of this document, its catalogue or one of its folders; else nothing."""
    path, row = local_path(record.uri), _row(record)
    whole = {"document": (record.name, path, record.uri), "catalogue": (_file(record.name, row), _file(path, row))}
    if kind == "folder":
        prefix = wanted.rstrip("/") + "/"
        return wanted if record.name.startswith(prefix) or path.startswith(prefix) else ""
    return wanted if wanted in whole[kind] and (row or kind == "document") else ""


def _ending_place(record: DocumentRecord, kind: Kind, wanted: str) -> str:
    """The path of this document, its catalogue or its outermost folder that ends in `wanted`; else nothing."""
    path, row = local_path(record.uri), _row(record)
    file = _file(path, row)
    if kind == "folder":
        folder, found, _ = f"/{file}".partition(f"/{wanted}/")
        return (folder + found)[1:] if found else ""
    if kind == "catalogue":
        return file if row and f"/{file}".endswith(f"/{wanted}") else ""
    # The end must include a part of the file's name: the id of a row may contain anything.
    return path if wanted.endswith(row) and f"/{file}".endswith(f"/{_file(wanted, row)}") else ""


def _row(record: DocumentRecord) -> str:
    """`#17` for a row of a catalogue."""
    fragment = record.uri.partition("#")[2]
    return f"#{unquote(fragment)}" if fragment else ""


def _file(place: str, row: str) -> str:
    return place.removesuffix(row) if row else place


def _place_name(place: str, record: DocumentRecord) -> str:
    """The path of a document, its catalogue or its folder as a name."""
    above = len(local_path(record.uri)) - len(record.name)
    return place[above:] or place
