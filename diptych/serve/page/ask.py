"""The page for questions. Its form asks only when someone presses its button: a link must not cost money."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from diptych.errors import DiptychError
from diptych.library.diptych import ANSWER_HITS
from diptych.search.query import Query
from diptych.search.query_options import Question
from diptych.serve.api.ask import stream_answer
from diptych.serve.dependencies import Library
from diptych.serve.page.form import SearchState, image_and_hit, query_image
from diptych.serve.page.html import HtmlRoute, html_page
from diptych.serve.problems import problem_of

router = APIRouter(route_class=HtmlRoute)


@router.get("/ask")
async def ask_page(request: Request, library: Library) -> Response:
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
        return await stream_answer(library, Question(Query(state.get("q"), image, state.where()), ANSWER_HITS))
    except DiptychError as error:
        return JSONResponse({"detail": str(error)}, problem_of(error).status)
