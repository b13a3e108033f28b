"""Why a question found nothing: a filter that no document of the store can pass is told as such."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from flows.support.terminal import one_line

if TYPE_CHECKING:
    from diptych import Diptych
    from diptych.store.register import DocumentRecord
    from diptych.where import Expression

SHOWN = 12
"""Most names that are listed."""


def found_nothing(diptych: Diptych, where: Expression | None) -> str:
    """`nothing found`, with what is wrong with the filter or the store, if anything is."""
    known = [one for one in diptych.documents() if not one.deleted]
    if not any(one.passages or one.pictures for one in known):
        return "nothing found: the store has no passages and no pictures; `diptych status` lists its documents"
    reasons = [*_fields(known, where), *_names(known, where)] if where else []
    return "nothing found" + (": " + "; ".join(reasons) if reasons else "")


def _fields(known: Sequence[DocumentRecord], where: Expression) -> Iterator[str]:
    from diptych.where import own_fields, values_of

    fields = {name for one in known for name in one.fields}
    for name in sorted(own_fields(where) - fields):
        there = _listed(sorted(fields))
        yield f"no document has a field {name}; " + (f"there are {there}" if there else "none has fields of its own")
    for name in sorted(own_fields(where) & fields):
        held = {str(one.fields[name]) for one in known if name in one.fields}
        for value in sorted(value for value in values_of(where, name) if isinstance(value, str)):
            alike = sorted(other for other in held if other.casefold() == value.casefold())
            if alike and value not in held:
                asked, right = one_line(value, 60), one_line(alike[0], 60)
                yield f'{name} is never "{asked}" but "{right}": large and small letters differ'


def _names(known: Sequence[DocumentRecord], where: Expression) -> Iterator[str]:
    """Documents that are named and are not there; a catalogue's rows are documents of their own."""
    from diptych.where import values_of

    names = {one.name for one in known}
    for value in sorted(str(value) for value in values_of(where, "document")):
        if value in names:
            continue
        rows = [name for name in names if name.startswith(f"{value}#")]
        if rows:
            yield f'"{value}" is a catalogue of {len(rows)} documents, such as document = "{min(rows)}"'
        else:
            alike = [name for name in sorted(names) if value.lower() in name.lower()]
            yield f'no document is called "{value}"; ' + (
                f"there are {_listed(alike)}" if alike else "`diptych status` lists them"
            )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(one_line(name, 60) for name in names[:SHOWN]) + more
