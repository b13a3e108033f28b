"""Refuses parameters that would be left out in silence: unknown ones, and several values for one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from fastapi import Request
from pydantic import BaseModel

from diptych.errors import QueryError

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


async def refuse_unknown(request: Request) -> None:
    """Raises `QueryError` for a parameter of the address, or a field of a form, that is unknown or given twice."""
    declared = request.scope["route"].dependant
    _check(request.query_params.multi_items(), _names(declared.query_params), "parameter")
    if body_type(request) in FORMS:
        _check((await request.form()).multi_items(), _names(declared.body_params), "field")


def body_type(request: Request) -> str:
    """The media type of the body, in lower case; empty without a body."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _names(declared: Iterable[Any]) -> list[str]:
    """The names of parameters, each of which may be a model with several."""
    names: list[str] = []
    for one in declared:
        kind = one.field_info.annotation
        names += kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else [one.alias]
    return names


def _check(given: Iterable[tuple[str, object]], known: Sequence[str], what: str) -> None:
    counts = Counter(name for name, _ in given)
    for name, count in counts.items():
        if name not in known:
            alike = [f"did you mean {one}?" for one in get_close_matches(name, known, 1)]
            names = f"there are {', '.join(known)}" if known else f"this address takes no {what}s"
            raise QueryError(f"{name[:80]}: there is no such {what}; {' '.join([*alike, names])}")
        if count > 1:
            raise QueryError(f"{name}: this {what} is given {count} times; give it once")
