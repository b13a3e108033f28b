"""Decides which requests reach the application: from whom, under which name, from which page, how large, how often.

Binding to 127.0.0.1 does not keep web pages out: a browser on this machine sends requests for any page it shows.
"""

import asyncio
import ipaddress
import math
import re
import time
from urllib.parse import urlsplit

from starlette.datastructures import URL, Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diptych.serve.options import PREFIX, ServeOptions
from diptych.serve.page.login import LOGIN, exchange_token, redirect_to_login
from diptych.serve.prefix import own_path
from diptych.serve.problems import Problem
from diptych.serve.sessions import Sessions

MAX_CLIENTS = 10_000
"""Clients that are remembered; those that were heard of longest ago are forgotten."""
BURST_SECONDS = 4
"""A client that was silent may request as much at once as otherwise in this time."""
MAX_BODY = 32 << 20
"""Bytes of a request; the largest ones have an image."""
TOO_LARGE = f"the request is larger than {MAX_BODY >> 20} MiB; send a smaller image"
BODY_SECONDS = 30.0
"""For sending a request."""
ANSWER_SECONDS = {f"{PREFIX}/ask": 600.0, "/ask": 600.0, "/mcp": 600.0}
"""Path -> seconds until the response begins, if not `MAX_SECONDS`."""
MAX_SECONDS = 60.0
OPEN_PATHS = (LOGIN, f"{PREFIX}/health")
OPEN_FOLDER = "/static/"
"""What needs no token: the login form and its style, and whether the server lives."""
CHEAP_FOLDERS = (OPEN_FOLDER, f"{PREFIX}/pictures/")
CHEAP, COSTLY = 0.05, 10.0
"""Costs of a file, and of a request that may start a model, against 1 for others."""
HOST = re.compile(r"[\w.-]+(:\d+)?|\[[\da-fA-F:.]+\](:\d+)?")
"""A name or an address with a port; other characters could hide another name."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class RateLimit:
    """A token bucket for each client, refilled with `rate` per second."""

    def __init__(self, rate: float) -> None:
        self._rate, self._size = rate, max(rate * BURST_SECONDS, 1.0)
        self._buckets: dict[str, tuple[float, float]] = {}
        """Client -> (what was left, when)."""

    def wait(self, client: str, cost: float) -> float:
        """Seconds after which the client may send a request of this cost; 0: it may now, and pays for it."""
        now = time.monotonic()
        left, moment = self._buckets.pop(client, (self._size, now))
        left = min(self._size, left + (now - moment) * self._rate)
        cost = min(cost, self._size)
        allowed = left >= cost
        self._buckets[client] = (left - cost if allowed else left, now)
        if len(self._buckets) > MAX_CLIENTS:
            del self._buckets[next(iter(self._buckets))]
        return 0.0 if allowed else (cost - left) / self._rate


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, options: ServeOptions) -> None:
        self._app, self._options = app, options
        self._sessions, self._rates = Sessions(options.token), RateLimit(options.rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            refusal = self._refusal(scope)
            await (refusal(scope, receive, send) if refusal else self._answer(scope, receive, send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, scope: Scope) -> Response | None:
        """The response to a request that must not reach the application."""
        headers, path = Headers(scope=scope), own_path(scope)
        if not self._knows_host(headers.get("host", "")):
            return Problem(
                421, "the server is not known under this name; add it with `diptych serve --allowed-host NAME`"
            )
        if not _is_own_request(scope, headers):
            return Problem(403, "requests from other web pages are refused")
        if seconds := self._rates.wait(_client(scope), _cost(scope)):
            wait = math.ceil(seconds)
            return Problem(429, f"too many requests; try again in {wait} s", {"retry-after": str(wait)})
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > MAX_BODY:
            return Problem(413, TOO_LARGE)
        if self._sessions.required and scope["method"] == "GET" and (answer := exchange_token(scope, self._sessions)):
            return answer
        if path in OPEN_PATHS or path.startswith(OPEN_FOLDER) or self._sessions.allows(headers):
            return None
        if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            return redirect_to_login(scope)
        return Problem(
            401, "this server requires its token: send `Authorization: Bearer TOKEN`", {"www-authenticate": "Bearer"}
        )

    def _knows_host(self, host: str) -> bool:
        """Whether a Host header is an IP address or a name of this server.

        A page of another site can have its own name point to this machine, but an address is never such a name.
        """
        if not HOST.fullmatch(host):
            return False
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in ("localhost", self._options.host.lower(), *map(str.lower, self._options.allowed_hosts)):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with limits on its size and on the time until the response begins."""
        if scope["method"] == "HEAD":  # which FastAPI does not answer; the server leaves out the body
            scope = {**scope, "method": "GET"}
        started, read = False, 0
        body_end = asyncio.get_running_loop().time() + BODY_SECONDS

        async def receive_limited() -> Message:
            nonlocal read
            if read < 0:  # all of it was read; what follows is the end of the connection
                return await receive()
            try:
                async with asyncio.timeout_at(body_end):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"the request was not complete after {BODY_SECONDS:.0f} s") from None
            read += len(message.get("body", b""))
            if read > MAX_BODY:
                raise HTTPException(413, TOO_LARGE)
            if message["type"] == "http.request" and not message.get("more_body"):
                read = -1
            return message

        async def send_started(message: Message) -> None:
            nonlocal started
            started = True
            limit.reschedule(None)
            await send(message)

        seconds = ANSWER_SECONDS.get(own_path(scope), MAX_SECONDS)
        try:
            async with asyncio.timeout(seconds) as limit:
                await self._app(scope, receive_limited, send_started)
        except TimeoutError:
            if started or not limit.expired():
                raise
            late = Problem(504, f"there was no answer within {seconds:.0f} s; ask for less, or try again later")
            await late(scope, receive, send)
        except HTTPException as error:  # of `receive_limited`, if the application did not expect it
            if started:
                raise
            await Problem(error.status_code, str(error.detail))(scope, receive, send)


def _is_own_request(scope: Scope, headers: Headers) -> bool:
    """Whether a request comes from the page of this server, from a program, or from a link that somebody followed."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        follows_link = scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
        is_page = not own_path(scope).startswith(PREFIX) and headers.get("sec-fetch-dest") == "document"
        return site in ("same-origin", "none") or (follows_link and is_page)
    origin = headers.get("origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() and origin.lower() != "null"


def _client(scope: Scope) -> str:
    return str((scope.get("client") or ("unknown",))[0])


def _cost(scope: Scope) -> float:
    if own_path(scope).startswith(CHEAP_FOLDERS):
        return CHEAP
    if own_path(scope) == "/mcp":  # most calls of tools are searches; how many questions run at once is limited
        return 1.0
    return 1.0 if scope["method"] in SAFE_METHODS and "token=" not in str(URL(scope=scope).query) else COSTLY
