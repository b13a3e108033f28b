"""Errors as `application/problem+json` (RFC 9457), with the sentences that the command line prints."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from diptych.errors import (
    BudgetReached,
    DiptychError,
    ExtractionError,
    ProviderError,
    QueryError,
    SettingsError,
    SourceError,
    StoreBusy,
    StoreError,
    WorkerLost,
    list_mistakes,
)
from diptych.serve.headers import HEADERS
from diptych.serve.jobs import NotAllowed
from diptych.serve.options import PREFIX
from diptych.serve.prefix import address
from diptych.serve.served_library import NotFound
from diptych.serve.threads import ServerBusy

STATUSES: tuple[tuple[type[DiptychError], int], ...] = (
    (NotFound, 404),
    (NotAllowed, 403),
    (ServerBusy, 503),
    (QueryError, 422),
    (SourceError, 422),
    (WorkerLost, 503),
    (ExtractionError, 422),  # an image that cannot be read
    (BudgetReached, 402),
    (ProviderError, 502),
    (SettingsError, 501),
    (StoreBusy, 503),
    (StoreError, 503),
    (DiptychError, 500),
)
"""The first class that fits decides."""
EXTRA = "there is no such field"
logger = logging.getLogger("diptych.serve")


class ProblemModel(BaseModel):
    """An error."""

    type: str
    title: Annotated[str, Field(examples=["Not Found"])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[
        str, Field(description="What happened, and what to do.", examples=["no document of the store has this id"])
    ]


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "The request cannot be answered.", "model": ProblemModel},
    "5XX": {"description": "The server cannot answer now.", "model": ProblemModel},
}
"""How routes document their errors."""


class Problem(JSONResponse):
    """An error: `status`, `title` and `detail`, which says what happened and what to do."""

    media_type = "application/problem+json"

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(_problem(status, detail).model_dump(), status, headers)


def problem_of(error: DiptychError) -> ProblemModel:
    """An error of the library as a problem."""
    return _problem(next(status for kind, status in STATUSES if isinstance(error, kind)), str(error))


def _problem(status: int, detail: str) -> ProblemModel:
    return ProblemModel(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=detail)


def add_problems(app: FastAPI) -> None:
    """Answer every error of `app` with a problem."""
    app.add_exception_handler(DiptychError, _on_diptych_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(Exception, _on_bug)


async def _on_diptych_error(request: Request, error: Exception) -> Problem:
    assert isinstance(error, DiptychError)
    problem = problem_of(error)
    return Problem(problem.status, problem.detail, {"retry-after": "5"} if problem.status == 503 else None)


async def _on_invalid_request(request: Request, error: Exception) -> Problem:
    assert isinstance(error, RequestValidationError)
    mistakes = [{**one, "msg": EXTRA} if one["type"] == "extra_forbidden" else one for one in error.errors()]
    return Problem(422, "; ".join(list_mistakes(mistakes)))


async def on_http_error(request: Request, error: Exception) -> Problem:
    """The answer to an error of the web framework, such as an unknown address."""
    assert isinstance(error, HTTPException)
    detail = str(error.detail)
    if detail == HTTPStatus(error.status_code).phrase and error.status_code in (404, 405):
        what = "nothing at this address" if error.status_code == 404 else f"no {request.method} at this address"
        detail = f"there is {what}; see {address(PREFIX)}/openapi.json"
    return Problem(error.status_code, detail, dict(error.headers or {}))


async def _on_bug(request: Request, error: Exception) -> Problem:
    text = f"this is a bug, please report it: {type(error).__name__}; the server's log has the traceback"
    return Problem(500, text, HEADERS)  # no middleware adds them to this response
