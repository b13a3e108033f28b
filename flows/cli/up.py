"""`diptych up`: a Prefect server with all deployments and a worker, until Ctrl-C."""

import os
import time
from contextlib import ExitStack
from pathlib import Path

import click

from extractors.atomic_write import make_private_folder
from flows.cli import options
from flows.cli.deploy import ingest_paths
from flows.cli.services import Service, check_port, terminable
from flows.output.terminal import print_message

START_SECONDS = 300
"""Limit for the start of the server: 15 s for a new database on an idle machine."""
GRACE_SECONDS = 5
"""Time for server and worker to end by themselves. A busy worker would wait for its runs."""
SERVER_SETTINGS = {
    # A run killed together with the server would keep its concurrency slot if leases were kept in memory.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",  # off by default: the database would only grow
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(90 * 24 * 3600),
    "DO_NOT_TRACK": "1",
}
"""Environment of the server; variables that the user has set take precedence."""


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=4200, show_default=True, help="Port of the server and its UI."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address on which the server listens.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of Prefect's database and logs. Default: PREFECT_HOME, or ~/.prefect.",
)
@click.option("--limit", type=click.IntRange(1), default=4, show_default=True, help="Runs at the same time.")
@options.store
@ingest_paths
def up(port: int, host: str, data: Path | None, limit: int, store: str | None, paths: tuple[str, ...]) -> None:
    """Start a Prefect server and a worker, and deploy the flows. Ctrl-C ends all of it.

    Flows run in the current folder, with its diptych.toml. Schedules, runs and settings are kept in the data folder for
    the next time. Runs that are active when the command ends are cancelled; the next run continues where they stopped.
    """
    home = (data or Path(os.environ.get("PREFECT_HOME", Path.home() / ".prefect"))).absolute()
    make_private_folder(home)
    check_port(host, port)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    url = f"http://{shown}:{port}"
    environment = {**SERVER_SETTINGS, **os.environ, **_addresses(home, host, port, url)}
    with terminable(), ExitStack() as running:
        print_message(f"starting the server at {url}")
        server = Service("Prefect server", ["prefect", "server", "start"], environment, home / "server.log")
        running.callback(server.stop, GRACE_SECONDS)
        server.wait_for(f"{url}/api/health", START_SECONDS)
        _deploy(environment, store, list(map(options.absolute, paths)), limit)
        command = ["prefect", "worker", "start", "--pool", "diptych"]
        worker = Service("worker", command, environment, home / "worker.log")
        running.callback(_stop_worker, worker)
        print_message(f"UI         {url}")
        print_message(f"API        {url}/api (for other terminals: export PREFECT_API_URL={url}/api)")
        print_message(f"logs       {server.log} and {worker.log}")
        print_message("running; Ctrl-C stops the worker and the server")
        try:
            while True:
                server.check()
                worker.check()
                time.sleep(1)
        except KeyboardInterrupt:
            print_message("stopping")


def _addresses(home: Path, host: str, port: int, url: str) -> dict[str, str]:
    """The UI takes its address from the environment; with `server start --port` it would call the default one."""
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_API_HOST": host,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_UI_API_URL": f"{url}/api",
        "PREFECT_API_URL": f"{url}/api",
    }


def _deploy(environment: dict[str, str], store: str | None, paths: list[str], limit: int) -> None:
    """In this process: Prefect must not be imported before, because it reads its environment on import."""
    from flows.runs.local_prefect import local_prefect

    os.environ.update(environment)
    with local_prefect():
        from flows.deployment.deploy import deploy

        for line in deploy(Path.cwd(), store, paths, limit):
            print_message(line)


def _stop_worker(worker: Service) -> None:
    """Stop the worker and its runs, which would stay Running for ever if they were not set to Cancelled."""
    from flows.deployment.deploy import cancel_runs

    for name in cancel_runs(worker.stop(GRACE_SECONDS)):
        print_message(f"cancelled  {name}")
