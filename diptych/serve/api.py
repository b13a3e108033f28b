"""The REST API, below `PREFIX`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as Parameter

from diptych.search.hits import Face, Hit
from diptych.search.query import Query
from diptych.serve.dependencies import Library
from diptych.where import parse_where

PREFIX = "/api/v1"
router = APIRouter(prefix=PREFIX, tags=["search"])


@dataclass(frozen=True, slots=True)
class SearchResult:
    hits: list[Hit]
    """Best first. `image` is the address of the picture."""
    resembles: bool
    """Whether anything in the store resembles the query; if not, there are no hits."""


@router.get("/search")
async def search(
    library: Library,
    q: Annotated[str, Parameter(description="What to search for.", examples=["how is the filter cleaned"])],
    where: Annotated[str, Parameter(description="A filter.", examples=['kind = "figure" and page < 20'])] = "",
    limit: Annotated[int, Parameter(ge=1, le=200)] = 10,
    offset: Annotated[int, Parameter(ge=0, le=10_000)] = 0,
) -> SearchResult:
    """Search passages and pictures; one list, best first."""
    query = Query(q, where=parse_where(where) if where.strip() else None)
    hits = await library.search(query, limit, offset)
    return SearchResult(list(map(with_addresses, hits)), hits.resembles)


def picture_address(image: str | None) -> str | None:
    """The address of a picture, from the path of its file."""
    return f"{PREFIX}/pictures/{Path(image).name}" if image else None


def with_addresses(hit: Hit) -> Hit:
    """A hit with the addresses of its pictures instead of their paths, and without the path of its document."""
    faces = tuple(_face_with_address(face) for face in hit.faces)
    return replace(hit, source="", image=picture_address(hit.image), faces=faces)


def _face_with_address(face: Face) -> Face:
    return replace(face, image=picture_address(face.image))
