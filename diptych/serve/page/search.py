"""The pages to search and to ask on: HTML for people, made on the server. Scripts only make them more comfortable."""

from typing import Any

from fastapi import APIRouter, Request, Response, UploadFile
from fastapi.responses import JSONResponse, RedirectResponse

from diptych.errors import DiptychError
from diptych.library.diptych import ANSWER_HITS
from diptych.search.hits import Results
from diptych.search.query.query import Query
from diptych.search.query.query_options import Question
from diptych.serve.api.ask import stream_answer
from diptych.serve.dependencies import Library
from diptych.serve.page import documents
from diptych.serve.page.form import SearchState, image_and_hit, query_image
from diptych.serve.page.hits import view_hits
from diptych.serve.page.html import HtmlRoute, html_page
from diptych.serve.prefix import address
from diptych.serve.problems import problem_of
from diptych.serve.served_library import Found, ServedLibrary
from diptych.store.register import DocumentRecord

HITS = 20
"""Hits on a page of results."""
router = APIRouter(include_in_schema=False, route_class=HtmlRoute)
router.include_router(documents.router)


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
    # A link must not cost money: an image is captioned when it is uploaded, if searches need that.
    query = Query(words, await query_image(image, library) if image else None, state.where(), describe_image=False)
    if like:
        found = Found(Results(await library.like(like, HITS, query.filter)), await library.interpret(query))
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
        "nothing": _as_sentence(found.nothing.removeprefix("nothing found").removeprefix(": ")),
        "remark": found.hits.problem,
        "pages": state.pages(HITS, f"hits {first} to {last}", more=len(found.hits) > HITS),
    }


def _as_sentence(text: str) -> str:
    """A message of the command line, where it follows other words, as the beginning of a paragraph."""
    return text[:1].upper() + text[1:]


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
        return RedirectResponse(address(f"/?image={name}"), 303)
    return JSONResponse({"image": name})


@router.get("/ask")
async def ask_page(request: Request, library: Library) -> Response:
    """The form for questions, which asks only when someone presses its button: a link must not cost money."""
    state = SearchState("/ask", request.query_params.multi_items())
    shown: dict[str, Any] = {"chips": [], "problem": "", "status": 200}
    try:
        where = state.where()
        shown["chips"] = state.chips(await library.interpret(Query(state.get("q"), where=where)))
    except DiptychError as error:
        shown |= {"problem": str(error), "status": problem_of(error).status}
    form = state.form(await library.fields()) | await image_and_hit(state, library)
    return html_page(
        "ask.html",
        here="/ask",
        form=form,
        placeholder="Ask about the documents",
        asked=bool(state.get("q")),
        why=False,
        **shown,
    )


@router.post("/ask")
async def ask(request: Request, library: Library) -> Response:
    """The answer to a filled-in form as server-sent events, as from the API."""
    filled = (await request.form()).multi_items()
    state = SearchState("/ask", [(name, value) for name, value in filled if isinstance(value, str)])
    try:
        image = await query_image(state.get("image"), library) if state.get("image") else None
        question = Question(Query(state.get("q"), image, state.where()), ANSWER_HITS)
        return await stream_answer(library, question, request.receive)
    except DiptychError as error:
        return JSONResponse({"detail": str(error)}, problem_of(error).status)


def _counts(records: list[DocumentRecord]) -> str:
    passages, pictures = sum(one.passages for one in records), sum(one.pictures for one in records)
    return f"{len(records):,} documents · {passages:,} passages · {pictures:,} pictures"
