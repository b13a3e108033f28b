"""The application: the API, the page and MCP for one open store."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from importlib.metadata import version

from fastapi import Depends, FastAPI

from diptych.errors import SettingsError
from diptych.library.diptych import Diptych
from diptych.serve import api, page
from diptych.serve.api import state
from diptych.serve.api.parameters import refuse_unknown
from diptych.serve.description import describe, operation_id
from diptych.serve.guard import Guard
from diptych.serve.headers import SecurityHeaders
from diptych.serve.jobs import Ingest, Jobs
from diptych.serve.metrics import CountRequests, Metrics
from diptych.serve.options import PREFIX, ServeOptions
from diptych.serve.page.html import add_error_pages, mount_static
from diptych.serve.prefix import BelowPrefix
from diptych.serve.problems import add_problems
from diptych.serve.served_library import ServedLibrary
from diptych.serve.sessions import Sessions


def create_app(library: Diptych, options: ServeOptions | None = None, ingest: Ingest | None = None) -> FastAPI:
    """An ASGI application that serves an open store. The caller closes `library` after the application has ended.

    `ingest`: what ingests the paths that clients name, below the roots of the options; None: they may name none.
    """
    options = options or ServeOptions()
    served, metrics, jobs = ServedLibrary(library, options), Metrics(), Jobs(ingest) if ingest else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as running:
            running.callback(served.close)
            if jobs:
                running.callback(jobs.close)
            await running.enter_async_context(run_mcp())
            yield

    app = FastAPI(
        title="Diptych",
        version=version("diptych"),
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=operation_id,
    )
    app.state.library, app.state.sessions = served, Sessions(options.token)
    app.state.metrics, app.state.jobs = metrics, jobs
    for router in api.ROUTERS:
        app.include_router(router, dependencies=[Depends(refuse_unknown)])
    for router in page.ROUTERS:
        app.include_router(router)
    app.add_api_route("/metrics", state.metrics, include_in_schema=False)
    run_mcp = _add_mcp(app, served, jobs)
    mount_static(app)
    add_problems(app)
    add_error_pages(app)
    app.openapi = describe(app, token=bool(options.token))  # type: ignore[method-assign]
    app.add_middleware(Guard, options)
    app.add_middleware(CountRequests, metrics)
    app.add_middleware(SecurityHeaders)  # refusals get them, too
    app.add_middleware(BelowPrefix, options.prefix)  # the last one is the outermost
    return app


def _add_mcp(app: FastAPI, served: ServedLibrary, jobs: Jobs | None) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Serve MCP at /mcp, if the extra is installed. Returns what runs it."""
    try:
        from diptych.serve.mcp.server import http_routes
    except SettingsError:
        return nullcontext
    routes, run = http_routes(served, jobs)
    app.router.routes += routes
    return run
