"""`diptych serve`: the search page, the API and MCP for one store."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from diptych.search.query.query_options import parse_filter
from flows.cli import options
from flows.output.terminal import print_message

if TYPE_CHECKING:
    from diptych import Diptych
    from diptych.where import Expression


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8321, show_default=True)
@click.option("--where", metavar="EXPR", help="A filter that every query gets, and that no client can lift.")
@click.option("--write", is_flag=True, help="Allow clients to delete documents.")
@click.option(
    "--ingest", "roots", multiple=True, metavar="PATH|URI", help="Allow clients to ingest this, or what is below it."
)
@click.option("--prefix", default="", metavar="PATH", help="Path below which a reverse proxy serves this: /search.")
@click.option("--allowed-host", "allowed_hosts", multiple=True, metavar="NAME", help="Name of a reverse proxy.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    default=50,
    show_default=True,
    help="Requests per second of one client.",
)
@options.budget
@options.store
def serve(
    host: str,
    port: int,
    where: str | None,
    write: bool,
    roots: tuple[str, ...],
    prefix: str,
    allowed_hosts: tuple[str, ...],
    rate: float,
    budget: float | None,
    store: str | None,
) -> None:
    """Serve the store until Ctrl-C: a search page, a REST API, and MCP for agents at /mcp.

    Clients on this machine need no token unless DIPTYCH_TOKEN is set. Any other --host requires it. Browsers send it
    once, by the login form; programs in the header `Authorization: Bearer TOKEN`.
    """
    from diptych.serve.options import TOKEN_VARIABLE, ServeOptions
    from diptych.serve.server import serve as serve_store
    from flows.runs.served_ingest import ingest_here, ingest_in_prefect

    chosen = ServeOptions(
        host=host,
        port=port,
        token=os.environ.get(TOKEN_VARIABLE, "").strip(),
        allowed_hosts=allowed_hosts,
        prefix=prefix.rstrip("/"),
        rate=rate,
        roots=tuple(root if "://" in root else os.path.realpath(root) for root in roots),
        where=parse_filter(where),
        write=write,
    )
    with options.open_store(store, budget) as diptych:
        _check_store(diptych)
        report_mistakes(diptych, chosen.where)
        place = options.absolute(diptych.settings.store)
        ingest = ingest_in_prefect(place) if os.environ.get("PREFECT_API_URL") else ingest_here(diptych)
        try:
            serve_store(diptych, chosen, _announce, ingest)
        except KeyboardInterrupt:
            print_message("stopped")


def _check_store(diptych: Diptych) -> None:
    """Report a store that is missing or cannot be opened before anyone connects.

    On a Qdrant server, the first ingest of another process may create it later.
    """
    from diptych.errors import StoreMissing

    try:
        diptych.documents()
    except StoreMissing as error:
        if "://" not in diptych.settings.store:
            raise
        print_message(f"{error}; requests will find nothing until then")


def report_mistakes(diptych: Diptych, where: Expression | None) -> None:
    """Report fields and documents in the operator's filter that do not exist: it would hide everything in silence."""
    from diptych.errors import StoreError
    from diptych.library.explanations import find_mistakes

    with suppress(StoreError):  # there is no store yet, or its server is down
        if where and (mistakes := find_mistakes(diptych.documents(), where)):
            print_message(f"--where: {'; '.join(mistakes)}")


def _announce(address: str) -> None:
    print_message(f"serving    {address} (API: {address}/api/v1/openapi.json); Ctrl-C stops it")
