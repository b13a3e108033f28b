"""Search results for people: hits as lines and rows, understood filters, and why nothing was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flows.support.terminal import print_json, print_output
from flows.support.text import one_line

if TYPE_CHECKING:
    from diptych import Diptych, Hit, Query
    from diptych.store.register import DocumentRecord
    from diptych.where import Expression

COLUMNS = ("#rank", "what", "document", "#page", "found by", "text", "picture")
NOTHING_RESEMBLES = {"hits": [], "resembles": False}
"""Printed with `--json` instead of hits if nothing in the store resembles the query."""
MAX_TEXT = 160
"""Characters of a hit's text on a line."""
TABLE_RULE = re.compile(r"[\s|:-]+")
"""The line below the header of a table in Markdown."""
MAX_NAMES = 12
"""Names listed in a message."""


def parse_filter(where: str | None, modality: str | None = None) -> Expression | None:
    """The filter of a query. Raises `QueryError` with the column of a syntax error."""
    from diptych.where import all_of, parse_where, where_from_fields

    return all_of(
        parse_where(where) if where and where.strip() else None,
        where_from_fields({"modality": modality}) if modality else None,
    )


def parse_counts(passages: str | None, pictures: str | None) -> tuple[dict[str, int], dict[str, int]]:
    """(minimum, exact) number of hits by modality, from `3+` or `3`. Raises `QueryError`."""
    from diptych.errors import QueryError

    least: dict[str, int] = {}
    exact: dict[str, int] = {}
    for modality, text in (("text", passages), ("image", pictures)):
        if not text:
            continue
        if not (match := re.fullmatch(r"\s*(\d{1,3})\s*(\+?)\s*", text)):
            raise QueryError(f"{text!r} is no number of hits; write 3 for exactly three, 3+ for at least three")
        (least if match[2] else exact)[modality] = int(match[1])
    return least, exact


def describe_filters(diptych: Diptych, query: Query) -> str:
    """The filters read from the wording of a query; empty if there are none.

    `understood: price < 200, from "under $200"; quotes switch this off`.
    """
    phrases = diptych.interpret(query).phrases
    filters = ", and ".join(f'{condition}, from "{one_line(phrase)}"' for phrase, condition in phrases)
    return f"understood: {filters}; quotes switch this off" if filters else ""


def hit_cells(hit: Mapping[str, Any], length: int = MAX_TEXT) -> list[str]:
    """One row under `COLUMNS`. `hit` is a `Hit` as a dict; a catalogue row has no page.

    `length`: maximum number of characters of the text.
    """
    from extractors.formats import is_row

    ranks = sorted(hit["ranks"].items(), key=lambda item: item[1])
    return [
        str(hit["rank"]),
        _describe_kind(hit),
        hit["document"],
        "" if is_row(hit["document"]) else format_page(hit),
        ", ".join(f"{name} {rank}" for name, rank in ranks),
        one_line(_hit_text(hit), length),
        hit["image"] or "",
    ]


def _hit_text(hit: Mapping[str, Any]) -> str:
    """Caption, text or title; a table as its rows, with a dot between cells."""
    text = str((not hit.get("faces") and hit["caption"]) or hit["text"] or hit["title"])
    if hit["kind"] != "table" or hit["modality"] != "text":
        return text
    lines = (re.split(r"(?<!\\)\|", line) for line in text.splitlines() if not TABLE_RULE.fullmatch(line))
    return "; ".join(" · ".join(filter(None, map(str.strip, cells))) for cells in lines)


def format_page(hit: Mapping[str, Any]) -> str:
    """`20`, or `20 (printed 17)` if another number is printed on the page; "as asked" marks what the query names."""
    if not hit["folio"]:
        return str(hit["page"] or "")
    printed, position = (", as asked" if hit["named_page"] == name else "" for name in ("printed", "position"))
    return f"{hit['page']}{position} (printed {hit['folio']}{printed})"


def _describe_kind(hit: Mapping[str, Any]) -> str:
    """`text`, `image: figure`, or `text + image: photo` for a catalogue row."""
    parts = hit.get("faces") or [hit]
    kinds = (
        one["modality"] if one["kind"] == one["modality"] else f"{one['modality']}: {one['kind']}" for one in parts
    )
    return " + ".join(dict.fromkeys(kinds))


def hit_lines(hit: Mapping[str, Any]) -> list[str]:
    """One hit in a few lines: place and kind, text, picture, the id for `diptych like`, and the ranks."""
    rank, what, document, page, ranks, text, picture = hit_cells(hit)
    place = f"{document}, page {page}" if page else document
    said = f"model caption: {one_line(hit['model_caption'])}" if hit["model_caption"] else ""
    details = [text, said, picture, f"id {hit['id']}, by {ranks}"]
    return [f"{rank:>3}  {one_line(place)}  [{what}]", *(f"     {line}" for line in details if line)]


def print_hits(hits: Iterable[Hit], as_json: bool) -> None:
    for hit in hits:
        if as_json:
            print_json(hit.as_dict())
        else:
            print_output(*hit_lines(hit.as_dict()))


def explain_no_hits(diptych: Diptych, where: Expression | None, *, resembles: bool = True) -> str:
    """`nothing found`, and what is wrong with the query, the filter or the store, if anything.

    `resembles`: whether anything in the store resembles the query.
    """
    documents = [one for one in diptych.documents() if not one.deleted]
    if not any(one.passages or one.pictures for one in documents):
        return "nothing found: the store has no passages and no pictures; `diptych status` lists its documents"
    if not resembles:
        return "nothing found: nothing in the store resembles the query; check its spelling, or use other words"
    reasons = [*_field_mistakes(documents, where), *_name_mistakes(documents, where)] if where else []
    return "nothing found" + (": " + "; ".join(reasons) if reasons else "")


def _field_mistakes(documents: Sequence[DocumentRecord], where: Expression) -> Iterator[str]:
    """Fields that no document has, and values that only differ in case."""
    from diptych.where import own_fields, values_of

    fields = {name for one in documents for name in one.fields}
    for name in sorted(own_fields(where) - fields):
        known = f"there are {_join_names(sorted(fields))}" if fields else "none has fields of its own"
        yield f"no document has a field {name}; {known}"
    for name in sorted(own_fields(where) & fields):
        values = [one.fields[name] for one in documents if name in one.fields]
        stored = {str(item) for value in values for item in (value if isinstance(value, list) else [value])}
        for value in sorted(value for value in values_of(where, name) if isinstance(value, str)):
            alike = sorted(other for other in stored if other.casefold() == value.casefold())
            if alike and value not in stored:
                asked, right = one_line(value, 60), one_line(alike[0], 60)
                yield f'{name} is never "{asked}" but "{right}"; filters are case-sensitive'


def _name_mistakes(documents: Sequence[DocumentRecord], where: Expression) -> Iterator[str]:
    """Documents that are not in the store."""
    from diptych.store.names import select_documents
    from diptych.where import values_of

    for value in sorted(map(str, values_of(where, "document"))):
        if not select_documents(value, documents):
            alike = sorted(one.name for one in documents if value.lower() in one.name.lower())
            known = f"there are {_join_names(alike)}" if alike else "`diptych status` lists all documents"
            yield f'no document is called "{value}"; {known}'


def _join_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(one_line(name, 60) for name in names[:MAX_NAMES]) + more
