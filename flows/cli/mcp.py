"""`diptych mcp`: the store as tools for an agent, over stdin and stdout."""

import os

import click

from flows.cli import options
from flows.cli.serve import report_mistakes


@click.command()
@click.option("--where", metavar="EXPR", help="A filter that every tool gets, and that no agent can lift.")
@click.option("--write", is_flag=True, help="Allow agents to delete documents, and to ingest those of --ingest.")
@click.option(
    "--ingest",
    "roots",
    multiple=True,
    metavar="PATH|URI",
    help="What agents may ingest with --write; images below it may be searched with.",
)
@options.budget
@options.store
def mcp(where: str | None, write: bool, roots: tuple[str, ...], budget: float | None, store: str | None) -> None:
    """Serve the store to an agent that speaks MCP over stdin and stdout, such as Claude or an editor.

    Agents start this command themselves; see docs/mcp.md for their configuration. Without --write, the tools
    only read. Messages go to stderr. `diptych serve` has the same tools at /mcp for agents that speak HTTP.
    """
    from diptych.search.query.query_options import parse_filter
    from diptych.serve.mcp.server import serve_stdio
    from diptych.serve.options import ServeOptions
    from flows.runs.served_ingest import ingest_here

    places = tuple(root if "://" in root else os.path.realpath(root) for root in roots)
    with options.open_store(store, budget) as diptych:
        chosen = ServeOptions(where=parse_filter(where), write=write, roots=places)
        report_mistakes(diptych, chosen.where)
        serve_stdio(diptych, chosen, ingest_here(diptych))
