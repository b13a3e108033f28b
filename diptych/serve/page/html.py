"""HTML from templates, in which everything from documents is text, and errors as pages."""

import hashlib
from collections.abc import Callable, Coroutine
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from diptych.errors import DiptychError
from diptych.serve.options import PREFIX
from diptych.serve.page.hits import printed_label
from diptych.serve.page.text import harmless
from diptych.serve.prefix import address, own_path
from diptych.serve.problems import on_http_error, problem_of

STATIC = Path(__file__).with_name("static")


class HtmlRoute(APIRoute):
    """Answers errors with a page rather than with JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_or_explain(request: Request) -> Response:
            try:
                return await handle(request)
            except DiptychError as error:
                return _error_page(problem_of(error).status, str(error))
            except HTTPException as error:
                return _error_page(error.status_code, str(error.detail))
            except RequestValidationError:
                return _error_page(404, "There is no page with this address.")

        return handle_or_explain


def add_error_pages(app: FastAPI) -> None:
    """Answer browsers with a page for errors outside the API, such as an address that does not exist."""

    async def answer(request: Request, error: HTTPException) -> Response:
        if "text/html" not in request.headers.get("accept", "") or own_path(request.scope).startswith(PREFIX):
            return await on_http_error(request, error)
        sentence = "There is no page with this address." if error.status_code == 404 else str(error.detail)
        return _error_page(error.status_code, sentence)

    app.exception_handler(HTTPException)(answer)


def html_page(template: str, *, status: int = 200, **values: Any) -> Response:
    """A page made from a template."""
    shown = _environment().get_template(template).render(base=address(""), static=address(static_path()), **values)
    return HTMLResponse(shown, status)


def mount_static(app: FastAPI) -> None:
    """Serve style sheet and scripts under a path that changes with them, so that browsers may keep them for good."""
    app.mount(static_path(), _KeptFiles(directory=STATIC))


class _KeptFiles(StaticFiles):
    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


@cache
def static_path() -> str:
    contents = b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()) if path.is_file())
    return f"/static/{hashlib.sha256(contents).hexdigest()[:12]}"


def _error_page(status: int, sentence: str) -> Response:
    return html_page("error.html", here="", sentence=sentence, status=status)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("diptych.serve.page"),
        autoescape=True,
        finalize=harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["printed_label"] = printed_label
    return environment
