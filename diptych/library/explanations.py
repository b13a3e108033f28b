"""What a search understood, and why it found nothing, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from diptych.printable import first_names, one_line
from diptych.store.names import select_documents
from diptych.store.register import DocumentRecord
from diptych.where import Compare, Expression, comparisons, own_fields, values_of
from extractors.catalog.columns import parse_numbers

if TYPE_CHECKING:
    from diptych.search.query.plain_filters import FilteredText

MAX_NAMES = 12
"""Names listed in a message."""


def describe_filters(understood: FilteredText) -> str:
    """The filters read from the wording of a query; empty if there are none.

    `understood: price < 200, from "under $200"; quotes switch this off`.
    """
    filters = ", and ".join(f'{condition}, from "{one_line(phrase)}"' for phrase, condition in understood.phrases)
    return f"understood: {filters}; quotes switch this off" if filters else ""


def explain_no_hits(documents: Sequence[DocumentRecord], where: Expression | None, *, resembles: bool = True) -> str:
    """`nothing found`, and what is wrong with the query, the filter or the store, if anything.

    `documents`: all that were searched. `resembles`: whether anything in the store resembles the query.
    """
    if not any(one.passages or one.pictures for one in documents):
        return "nothing found: the store has no passages and no pictures; `diptych status` lists its documents"
    if not resembles:
        return "nothing found: nothing in the store resembles the query; check its spelling, or use other words"
    reasons = find_mistakes(documents, where) if where else []
    return "nothing found" + (": " + "; ".join(reasons) if reasons else "")


def find_mistakes(documents: Sequence[DocumentRecord], where: Expression) -> list[str]:
    """What is wrong with a filter: fields, values and documents that do not exist, one sentence for each."""
    if not documents:
        return []
    return [*_field_mistakes(documents, where), *_name_mistakes(documents, where)]


def _field_mistakes(documents: Sequence[DocumentRecord], where: Expression) -> Iterator[str]:
    """Fields that no document has, and values that only differ in case."""
    fields = {name for one in documents for name in one.fields}
    for name in sorted(own_fields(where) - fields):
        known = f"there are {_join_names(sorted(fields))}" if fields else "none has fields of its own"
        yield f"no document has a field {name}; {known}"
    yield from _texts_as_numbers(documents, where)
    for name in sorted(own_fields(where) & fields):
        values = [one.fields[name] for one in documents if name in one.fields]
        stored = {str(item) for value in values for item in (value if isinstance(value, list) else [value])}
        for value in sorted(value for value in values_of(where, name) if isinstance(value, str)):
            alike = sorted(other for other in stored if other.casefold() == value.casefold())
            if alike and value not in stored:
                asked, right = one_line(value, 60), one_line(alike[0], 60)
                yield f'{name} is never "{asked}" but "{right}"; filters are case-sensitive'


def _texts_as_numbers(documents: Sequence[DocumentRecord], where: Expression) -> Iterator[str]:
    """Fields that a filter compares with a number although they hold texts."""
    compared = {one.field for one in comparisons(where) if isinstance(one, Compare) and type(one.value) in (int, float)}
    for name in sorted(compared & own_fields(where)):
        texts = [one for one in documents if isinstance(one.fields.get(name), str)]
        if texts and all(isinstance(one.fields.get(name, ""), str) for one in documents):
            odd = next((one for one in texts if not parse_numbers([str(one.fields[name])])), texts[0])
            value = one_line(str(odd.fields[name]), 60)
            yield f'{name} is text and no number, such as "{value}" in {one_line(odd.name, 60)}'


def _name_mistakes(documents: Sequence[DocumentRecord], where: Expression) -> Iterator[str]:
    """Documents that are not in the store."""
    for value in sorted(map(str, values_of(where, "document"))):
        if not select_documents(value, documents):
            alike = sorted(one.name for one in documents if value.lower() in one.name.lower())
            known = f"there are {_join_names(alike)}" if alike else "`diptych status` lists all documents"
            yield f'no document is called "{value}"; {known}'


def _join_names(names: Sequence[str]) -> str:
    return first_names([one_line(name, 60) for name in names], MAX_NAMES)
