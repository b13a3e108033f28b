"""`diptych deploy`: bring deployments, blocks, Variables and automations to a Prefect server."""

from pathlib import Path

import click

from flows.cli import options
from flows.output.terminal import print_message

ingest_paths = click.option(
    "--path",
    "paths",
    multiple=True,
    metavar="PATH",
    help="File or folder that the nightly ingest reads; repeat it for several. Kept as Variable `diptych_paths`.",
)


@click.command()
@options.store
@ingest_paths
@click.option("--limit", type=click.IntRange(1), help="Runs of all workers at the same time. Default: unchanged.")
def deploy(store: str | None, paths: tuple[str, ...], limit: int | None) -> None:
    """Create or update work pool, deployments, block types, Variables and automations on your Prefect server.

    The server is that of PREFECT_API_URL or of your Prefect profile. Workers will run the flows in the current folder.
    Running the command again changes only what differs.

    --store becomes the Variable `diptych_store`, the store of all flows that do not name another.
    """
    from flows.runs.local_prefect import local_prefect

    with local_prefect():
        from prefect.settings import PREFECT_API_URL

        from diptych.errors import SettingsError
        from flows.deployment.deploy import deploy as deploy_flows

        if not PREFECT_API_URL.value():
            raise SettingsError("there is no Prefect server to deploy to; set PREFECT_API_URL, or run `diptych up`")
        for line in deploy_flows(Path.cwd(), store, list(map(options.absolute, paths)), limit):
            print_message(line)
