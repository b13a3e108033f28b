"""The login form, and addresses with a token: browsers get a cookie for the token."""

from html import escape
from typing import Annotated
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import APIRouter, Form, Query, Request
from pydantic import Field
from starlette.datastructures import URL
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope

from diptych.serve.page.html import static_path
from diptych.serve.prefix import address
from diptych.serve.sessions import Sessions

LOGIN = "/login"
TOKEN, NEXT = "token", "next"
MAX_TOKEN, MAX_NEXT = 1000, 8000
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Diptych</title>
<link rel="icon" href="{static}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{static}/page.css">
{body}
</html>
"""
_FORM = """<main class="login">
<h1>Diptych</h1>
<form method="post" action="{action}">
<label for="token">Token of this server</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button type="submit">Log in</button>
<input name="next" type="hidden" value="{following}">
<p role="alert">{error}</p>
</form>
</main>"""

router = APIRouter(include_in_schema=False)


Following = Annotated[str, Field(max_length=MAX_NEXT)]


@router.get(LOGIN)
async def login_form(following: Annotated[Following, Query(alias=NEXT)] = "") -> HTMLResponse:
    return _form(following)


@router.post(LOGIN)
async def login(
    request: Request,
    token: Annotated[str, Form(max_length=MAX_TOKEN)] = "",
    following: Annotated[Following, Form(alias=NEXT)] = "",
) -> Response:
    sessions: Sessions = request.app.state.sessions
    if not sessions.is_token(token.strip()):
        return _form(following, "This is not the token of this server.", 401)
    # Two slashes, or a backslash, would lead to another server.
    answer = RedirectResponse("/" + (following or address("/")).lstrip("/\\"), 303)
    sessions.open(answer, secure=request.url.scheme == "https")
    return answer


def redirect_to_login(scope: Scope) -> Response:
    """To the form, which leads back to the address that was asked for."""
    following = URL(scope=scope)
    place = following.path + (f"?{following.query}" if following.query else "")
    query = f"?{urlencode({NEXT: place[:MAX_NEXT]})}" if place != address("/") else ""
    return RedirectResponse(address(LOGIN) + query, 303)


def exchange_token(scope: Scope, sessions: Sessions) -> Response | None:
    """For an address with `?token=`, a page with the cookie that leads to the address without it; None for others.

    Not a redirect: browsers do not send a strict cookie if a link of another site led to the redirect.
    """
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    tokens = [value for name, value in query if name == TOKEN]
    if not tokens:
        return None
    if not sessions.is_token(tokens[0]):
        return _form("", "The address does not have the token of this server.", 401)
    rest = urlencode([(name, value) for name, value in query if name != TOKEN])
    place = "/" + quote(scope["path"].lstrip("/\\")) + (f"?{rest}" if rest else "")
    refresh = f'<meta http-equiv="refresh" content="0; url={escape(place, quote=True)}">'
    answer = _page(refresh)
    sessions.open(answer, secure=scope["scheme"] == "https")
    return answer


def _form(following: str, error: str = "", status: int = 200) -> HTMLResponse:
    """The form, which leads to the address `following` on this server."""
    return _page(_FORM.format(action=address(LOGIN), following=escape(following), error=error), status)


def _page(body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(static=address(static_path()), body=body), status)
