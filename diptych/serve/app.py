"""The application: the API, the page and MCP for one open store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from diptych.library.diptych import Diptych
from diptych.serve import api, api_ask, api_documents, api_state, page
from diptych.serve.headers import SecurityHeaders
from diptych.serve.options import ServeOptions
from diptych.serve.problems import add_problems
from diptych.serve.served_library import ServedLibrary


def create_app(library: Diptych, options: ServeOptions | None = None) -> FastAPI:
    """An ASGI application that serves an open store. The caller closes `library` after the application has ended."""
    served = ServedLibrary(library, options or ServeOptions())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as running:
            running.callback(served.close)
            # MCP: enter the session manager here, and mount its application at /mcp below.
            yield

    app = FastAPI(
        title="Diptych",
        version=version("diptych"),
        lifespan=lifespan,
        openapi_url=f"{api.PREFIX}/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
    )
    app.state.library = served
    for module in (api, api_ask, api_documents, api_state, page):
        app.include_router(module.router)
    add_problems(app)
    app.add_middleware(SecurityHeaders)
    return app
