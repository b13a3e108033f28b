"""The page: HTML for people, made on the server. Its scripts only make it more comfortable."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response, UploadFile
from fastapi.responses import JSONResponse, RedirectResponse

from diptych.errors import DiptychError
from diptych.search.hits import Results
from diptych.search.query import Query
from diptych.serve.dependencies import Library
from diptych.serve.page import ask, documents
from diptych.serve.page.form import SearchState, image_and_hit, query_image
from diptych.serve.page.hits import view_hits
from diptych.serve.page.html import HtmlRoute, html_page
from diptych.serve.problems import problem_of
from diptych.serve.served_library import Found, ServedLibrary
from diptych.store.register import DocumentRecord

HITS = 20
"""Hits on a page of results."""
router = APIRouter(include_in_schema=False, route_class=HtmlRoute)
router.include_router(documents.router)
router.include_router(ask.router)


@router.get("/")
async def search_page(request: Request, library: Library) -> Response:
    state = SearchState("/", request.query_params.multi_items())
    words, asked = state.get("q"), any(map(state.get, ("q", "image", "like")))
    shown: dict[str, Any] = {"asked": asked, "hits": [], "problem": "", "chips": [], "status": 200}
    try:
        if asked:
            shown |= await _search(state, library)
    except DiptychError as error:
        shown |= {"problem": str(error), "status": problem_of(error).status}
    records = await library.documents()
    form = state.form(await library.fields()) | await image_and_hit(state, library)
    return html_page(
        "search.html",
        here="/",
        heading=words or ("More like this" if state.get("like") else "An image" if state.get("image") else ""),
        form=form,
        placeholder="Search passages and pictures",
        counts=_counts(records),
        why=state.get("why") == "1",
        why_link=state.address({"why": "" if state.get("why") == "1" else "1"}),
        unfiltered=state.without_filters(),
        **shown,
    )


async def _search(state: SearchState, library: ServedLibrary) -> dict[str, Any]:
    """What the results of a search show. Raises `DiptychError`."""
    words, image, like, first = state.get("q"), state.get("image"), state.get("like"), state.first
    query = Query(words, await query_image(image, library) if image else None, state.where())
    if like:
        found = Found(Results(await library.like(like, HITS, query.where)), await library.interpret(query))
    else:
        found = await library.find(query, HITS + 1, first - 1)
    views = view_hits(found.hits[:HITS], words)
    passages = sum(view.side == "passage" for view in views)
    last = first + len(views) - 1
    return {
        "chips": state.chips(found.understood),
        "hits": views,
        "passages": passages,
        "pictures": len(views) - passages,
        "summary": f"Hits {first} to {last}: {passages} passages, {len(views) - passages} pictures",
        "nothing": found.nothing,
        "reranking": found.hits.problem,
        "pages": {
            "previous": state.address({"from": max(1, first - HITS)}) if first > 1 else "",
            "next": state.address({"from": first + HITS}) if len(found.hits) > HITS else "",
            "shown": f"hits {first} to {last}",
        },
    }


@router.post("/images")
async def upload_image(request: Request, library: Library, file: UploadFile) -> Response:
    """Keep an image to search or ask with. Answers scripts with its name, and forms with the search."""
    try:
        name = await library.store_query_image(await file.read())
    except DiptychError as error:
        if "text/html" in request.headers.get("accept", ""):
            raise
        return JSONResponse({"detail": str(error)}, problem_of(error).status)
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(f"/?image={name}", 303)
    return JSONResponse({"image": name})


def _counts(records: list[DocumentRecord]) -> str:
    passages, pictures = sum(one.passages for one in records), sum(one.pictures for one in records)
    return f"{len(records):,} documents · {passages:,} passages · {pictures:,} pictures"
