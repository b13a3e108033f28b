"""Addresses below a path of a reverse proxy, such as https://example.org/search/."""

from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

_prefix: ContextVar[str] = ContextVar("prefix", default="")
"""Of the request that is being answered."""


def address(path: str) -> str:
    """The address under which clients find a path of this server."""
    return _prefix.get() + path


def own_path(scope: Scope) -> str:
    """The path of a request without the prefix."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


class BelowPrefix:
    """ASGI middleware: every request is one below `prefix`, whether or not the proxy has removed it."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._prefix:
            path: str = scope["path"]
            if path == self._prefix or path.startswith(f"{self._prefix}/"):
                path = path[len(self._prefix) :] or "/"
            scope = {**scope, "root_path": self._prefix, "path": self._prefix + path}
        _prefix.set(self._prefix)
        await self._app(scope, receive, send)
