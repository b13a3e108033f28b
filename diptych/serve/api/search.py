"""The REST API for queries: search, similar hits, and the fields of the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, HTTPException, Path, Request, Response, UploadFile
from fastapi import Query as Parameter
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError, to_json

from diptych.search.hits import Hit
from diptych.search.query.plain_filters import FilteredText
from diptych.search.query.query_options import Modality, Question, make_question, parse_filter
from diptych.serve.api.models import (
    FieldModel,
    GroupModel,
    HitModel,
    show_group,
    show_hit,
)
from diptych.serve.api.parameters import FORMS, body_type
from diptych.serve.dependencies import Library
from diptych.serve.description import BINARY
from diptych.serve.options import PREFIX
from diptych.serve.problems import PROBLEMS
from diptych.serve.served_library import Found

MAX_TEXT = 4000
"""Characters of a query."""
MAX_WHERE = 2000

router = APIRouter(prefix=PREFIX, tags=["search"], responses=PROBLEMS)

Text = Annotated[str, Field(max_length=MAX_TEXT, description="What to search for.", examples=["clean the filter"])]
Where = Annotated[str, Field(max_length=MAX_WHERE, description="A filter.", examples=['kind = "figure" and page < 20'])]
Limit = Annotated[int, Field(ge=1, le=200, description="Maximum number of hits.")]
Offset = Annotated[int, Field(ge=0, le=2000, description="Number of hits to skip.")]
Count = Annotated[str, Field(max_length=40, description="`3`: exactly three, `3+`: at least three.")]


def _file(given: Any) -> Any:
    if isinstance(given, str):
        raise PydanticCustomError("file", "send a file, such as `curl -F image=@photo.jpg`")
    return given


Upload = Annotated[UploadFile | None, BeforeValidator(_file), WithJsonSchema(BINARY)]
SplitRows = Annotated[bool, Field(description="Show the text and pictures of a catalogue row as hits.")]
HitId = Annotated[str, Path(max_length=80, description="The `id` of a hit.")]


class SearchOptions(BaseModel):
    """The options of a query, apart from its image."""

    q: Text = ""
    where: Where = ""
    limit: Limit = 10
    offset: Offset = 0
    modality: Annotated[Modality | None, Field(description="Only passages (text), or only pictures (image).")] = None
    passages: Count = ""
    pictures: Count = ""
    split_rows: SplitRows = False

    def question(self, image: bytes | None = None) -> Question:
        """Raises `QueryError`."""
        return make_question(
            self.q, image, self.where, self.limit, self.offset,
            modality=self.modality, passages=self.passages, pictures=self.pictures, split_rows=self.split_rows,
        )  # fmt: skip


class SearchForm(SearchOptions):
    """The options of a query with its image."""

    image: Annotated[Upload, Field(description="A PNG, JPEG, WebP, GIF, TIFF or BMP file.")] = None


class Filter(BaseModel):
    """A filter that was read from the wording of a query. Double quotes around the phrase prevent it."""

    phrase: Annotated[str, Field(examples=["under $200"])]
    condition: Annotated[str, Field(examples=["price < 200"])]


class SearchResult(BaseModel):
    """The hits of a query."""

    hits: list[HitModel]
    resembles: Annotated[bool, Field(description="Whether anything in the store resembles the query.")]
    filters: list[Filter]
    nothing: Annotated[str, Field(description="Why nothing was found; empty if something was.")]
    problem: Annotated[
        str, Field(description="Why the image or a limit was not used, or hits are not reranked; or empty.")
    ]


class Groups(BaseModel):
    """Documents or pages with their best hits."""

    groups: list[GroupModel]
    resembles: bool


class Similar(BaseModel):
    """Hits that are similar to a hit."""

    hits: list[HitModel]


@router.get("/search", response_model=SearchResult)
async def search(library: Library, options: Annotated[SearchOptions, Parameter()]) -> Response:
    """Search passages and pictures. Returns one list, best first."""
    question = options.question()
    return json_response(show_found(await library.find(question.query, question.limit, options.offset)))


async def check_form(request: Request) -> None:
    """Refuse other bodies, such as JSON, of which nothing would be read."""
    kind = body_type(request)
    if kind and kind not in FORMS:
        raise HTTPException(415, f"the body is {kind[:60]}; send a form, such as `curl -F q=WORDS`")


@router.post("/search", response_model=SearchResult, dependencies=[Depends(check_form)])
async def search_with_image(
    library: Library, options: Annotated[SearchForm, Form(media_type="multipart/form-data")]
) -> Response:
    """Search with an image, a text, or both, sent as a form."""
    question = options.question(await read_upload(options.image))
    return json_response(show_found(await library.find(question.query, question.limit, options.offset)))


async def read_upload(image: UploadFile | None) -> bytes | None:
    """The bytes of an image; None for a field of a form in which no file was chosen."""
    return await image.read() if image and image.filename else None


@router.get("/groups", response_model=Groups)
async def groups(
    library: Library,
    q: Text,
    where: Where = "",
    by: Annotated[Literal["document", "page"], Field(description="What a group is.")] = "document",
    limit: Limit = 10,
    each: Annotated[int, Field(ge=1, le=100, description="Maximum number of hits in a group.")] = 3,
) -> Response:
    """Search for documents or pages, ordered by their best hit."""
    found = await library.search_groups(make_question(q, where=where).query, by, limit, each)
    return json_response({"groups": list(map(show_group, found)), "resembles": found.resembles})


@router.get("/like/{hit_id}", response_model=Similar)
async def like(
    library: Library, hit_id: HitId, where: Where = "", limit: Limit = 10, split_rows: SplitRows = False
) -> Response:
    """Find what is similar to a hit in meaning, looks and words."""
    hits = await library.like(hit_id, limit, parse_filter(where), split_rows)
    return json_response({"hits": show_hits(hits)})


@router.get("/fields", response_model=list[FieldModel])
async def fields(library: Library) -> Any:
    """List the users' own fields, by which hits can be filtered."""
    return await library.fields()


def json_response(shown: dict[str, Any]) -> Response:
    """What FastAPI would answer, without the time to check it once more against the model."""
    return Response(to_json(shown), media_type="application/json")


def show_found(found: Found) -> dict[str, Any]:
    return {
        "hits": show_hits(found.hits),
        "resembles": found.hits.resembles,
        "filters": show_filters(found.understood),
        "nothing": found.nothing,
        "problem": found.hits.problem,
    }


def show_hits(hits: Sequence[Hit]) -> list[dict[str, Any]]:
    return list(map(show_hit, hits))


def show_filters(understood: FilteredText) -> list[dict[str, str]]:
    return [{"phrase": phrase, "condition": condition} for phrase, condition in understood.phrases]
