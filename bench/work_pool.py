"""Many small documents through a Prefect work pool, with several workers that share a store."""

import os
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.commands import run_command
from bench.measurement import BenchOptions, Measurement
from bench.processor_log import ProcessorLog, find_server, used_seconds
from bench.synthetic_text import random_text
from diptych import Diptych
from diptych.settings import load_settings
from extractors.pdf.render import pymupdf
from flows.cli.services import Service, terminable
from flows.cli.up import SERVER_SETTINGS

ROOT = Path(__file__).parents[1]
ROUNDS = 3
CLUSTERS = ("dask", "ray")
"""Measured in the last round only: starting one takes longer than the documents."""
START_SECONDS, STOP_SECONDS = 600, 20
POLL_SECONDS, WATCH_SECONDS = 10, 2
"""Between the polls of a worker, as by default, and of the benchmark: each costs processor time that a run lacks."""
AHEAD_SECONDS = 20
"""Between the order for runs that are compared and their start: longer than a worker's poll and the imports of a flow,
so that two runs start at the same time."""
RUN_DOCUMENTS = 1000
"""Documents per flow run of the simulation."""
PART = 1000
"""Documents whose rate is measured together."""
SMALL_PAGES = 4
"""Of the documents whose throughput is compared, so that most of the work is that of the workers, not of the servers
beside them."""


def simulation(options: BenchOptions) -> Iterator[Measurement]:
    """All documents in runs of `RUN_DOCUMENTS`, by two workers on a core each: rate and processor time per thousand.

    An interrupted simulation is continued by the same command.
    """
    folders = write_documents(options.cache, options.documents, RUN_DOCUMENTS)
    place = options.cache / f"simulation-{options.documents}"
    place.mkdir(exist_ok=True)
    log = ProcessorLog(place / "processor.jsonl", options.store)
    with work_pool(options, workers=2, place=place, poll_seconds=1) as pool, log.running():
        pool.run([{"paths": [str(folder)]} for folder in folders])
        times = sorted(pool.commit_times())
        count = len(times)
        part = min(PART, count // 2)
        yield from _rates(log.at([times[0], *times[part - 1 :: part]]), part)
        yield Measurement("picture store", pool.picture_bytes() / count / 1024, "KiB/document", "", 0)
        yield Measurement("Prefect's database", pool.database_bytes() / count / 1024, "KiB/document", "", 0)


def _rates(ends: Sequence[tuple[float, float]], part: int) -> Iterator[Measurement]:
    """Of each `part` documents, next to the first. `ends`: seconds, and seconds of a core, up to the end of each."""
    costs = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(ends)]
    for number, (seconds, used) in enumerate(costs):
        name, peer = f"documents {number * part + 1:,} to {(number + 1) * part:,}", f"the first {part:,}"
        yield Measurement(name, part / seconds, "documents/s", peer, part / costs[0][0])
        yield Measurement(f"{name}, of a core", used / part, "s/document", peer, costs[0][1] / part)


def workers(options: BenchOptions) -> Iterator[Measurement]:
    """The throughput of two workers, each on a core of its own, and of Dask and Ray on both, next to one worker.

    Of the first two also the processor time, including that of Prefect and Qdrant, which depends less on other work.
    """
    each = min(options.documents, 200)
    yield _ingests_apart(options.cache, each)
    rates: dict[str, list[float]] = {}
    used: dict[str, float] = {}
    server = find_server(options.store)
    with work_pool(options, workers=2) as pool:
        for number in range(ROUNDS):
            parts = iter(write_documents(options.cache, each * 5, each, f"round-{number}", SMALL_PAGES))
            for count, name in enumerate(("one worker", "two workers"), 1):
                before = used_seconds(server)
                seconds = pool.run([_run(next(parts)) for _ in range(count)], AHEAD_SECONDS)
                rates.setdefault(name, []).append(count * each / seconds)
                used[name] = used.get(name, 0.0) + (used_seconds(server) - before) / (count * each * ROUNDS)
        with pool.worker("wide", set(os.sched_getaffinity(0))):
            for runner in CLUSTERS:
                seconds = pool.run([_run(next(parts), runner)], queue="wide")
                rates.setdefault(f"{runner}, two processes", []).append(each / seconds)
    alone = rates.pop("one worker")
    for name, measured in rates.items():
        ratios = sorted(rate / one for rate, one in zip(measured, alone[-len(measured) :], strict=True))
        middle = ratios[len(ratios) // 2]  # of each round, because the machine may be busier in another
        one = sorted(alone)[len(alone) // 2]
        yield Measurement(f"{name}, {each} documents each", middle * one, "documents/s", "one worker", one)
    yield Measurement("two workers, of a core", used["two workers"], "s/document", "one worker", used["one worker"])


def _ingests_apart(cache: Path, each: int) -> Measurement:
    """Two ingests that share nothing but the machine, next to one of them: what its cores allow."""
    alone = both = 0.0
    for number in range(ROUNDS):
        parts = write_documents(cache, each * 3, each, f"apart-{number}", SMALL_PAGES)
        alone += _ingest_apart(parts[:1])
        both += _ingest_apart(parts[1:])
    count = each * ROUNDS
    return Measurement("two ingests, nothing shared", 2 * count / both, "documents/s", "one ingest", count / alone)


def _ingest_apart(folders: Sequence[Path]) -> float:
    """Seconds in which each folder is ingested by a process on a core of its own, into an embedded store of its own."""
    cores = sorted(os.sched_getaffinity(0))

    def ingest(core: int, folder: Path) -> None:
        os.sched_setaffinity(0, {core})  # of this thread, and of the process that it starts
        with tempfile.TemporaryDirectory(prefix="diptych-bench-") as place:
            run_command("ingest", folder, "--store", f"{place}/store", OMP_NUM_THREADS="1", DIPTYCH_WORKERS="1")

    start = time.perf_counter()
    with ThreadPoolExecutor(len(folders)) as threads:
        list(threads.map(ingest, cores, folders))
    return time.perf_counter() - start


def _run(folder: Path, runner: str | None = None) -> dict[str, Any]:
    return {"paths": [str(folder)], "runner": runner}


def write_documents(cache: Path, count: int, per_folder: int, name: str = "documents", pages: int = 1) -> list[Path]:
    """Folders of PDFs, written once. Their pages have a heading and two paragraphs, and are all different."""
    place = cache / f"{name}-{count}-{per_folder}-{pages}"
    folders = [place / f"{number:04}" for number in range(-(-count // per_folder))]
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        for folder in folders:
            folder.mkdir(parents=True)
        for number in range(count):
            _write_document(folders[number // per_folder] / f"{number:06}.pdf", pages, f"{name} {number}")
        (place / "complete").touch()
    return folders


def _write_document(path: Path, pages: int, name: str) -> None:
    with pymupdf().open() as document:
        for number in range(pages):
            seed = f"{name} page {number}"
            page = document.new_page(width=595, height=842)
            page.insert_text((60, 70), random_text(f"{seed} heading", 5), fontsize=15)
            for at in range(2):
                text = random_text(f"{seed} paragraph {at}", 60)
                page.insert_textbox((60, 90 + 130 * at, 535, 215 + 130 * at), text, fontsize=10)
        document.save(path)


class WorkPool:
    """A Prefect server with a deployment of `ingest`, and process workers of one run at a time."""

    def __init__(self, place: Path, options: BenchOptions, poll_seconds: int) -> None:
        self.store = options.store or str(place / "store")
        self.home, self.pictures = place / "prefect", place / "pictures"
        prefix = place / "collections"
        if not prefix.exists():
            prefix.write_text(f"bench-{uuid.uuid4().hex[:8]}")
        self._name = f"bench-{uuid.uuid4().hex[:8]}"  # runs of an interrupted benchmark stay in its own pool
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/api"
        self.environment = {
            **SERVER_SETTINGS,
            "PREFECT_HOME": str(self.home),
            "PREFECT_SERVER_API_PORT": str(port),
            "PREFECT_API_URL": self.url,
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "PREFECT_WORKER_QUERY_SECONDS": str(poll_seconds),
            "PREFECT_WORKER_PREFETCH_SECONDS": str(AHEAD_SECONDS),
            "DIPTYCH_PICTURES": str(self.pictures),
            "DIPTYCH_COLLECTIONS": prefix.read_text(),
        }
        self._deployment: UUID

    def deploy(self) -> None:
        """Prefect reads its environment when it is imported, so it must not have been imported before."""
        from prefect.client.orchestration import get_client
        from prefect.client.schemas.actions import WorkPoolCreate

        from flows.ingest import ingest

        folder = {"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}
        with get_client(sync_client=True) as client:
            client.create_work_pool(WorkPoolCreate(name=self._name, type="process"))
            client.create_work_queue("wide", work_pool_name=self._name)
            self._deployment = client.create_deployment(
                client.create_flow(ingest),
                "bench",
                work_pool_name=self._name,
                entrypoint="flows.ingest.ingest",
                pull_steps=[folder],
            )

    @contextmanager
    def worker(self, queue: str, cores: set[int]) -> Iterator[None]:
        """A worker whose runs have these cores."""
        command = ["prefect", "worker", "start", "--pool", self._name, "--work-queue", queue, "--limit", "1"]
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)  # inherited
        try:
            service = Service("worker", command, os.environ, self.home / f"worker-{uuid.uuid4().hex[:8]}.log")
        finally:
            os.sched_setaffinity(0, before)
        try:
            yield
        finally:
            service.stop(STOP_SECONDS)

    def run(self, parameters: Sequence[Mapping[str, Any]], ahead: int = 0, queue: str = "default") -> float:
        """Seconds from the start of the first of these runs to the end of the last. All have to complete.

        They start `ahead` seconds from now, or as soon as a worker sees them.
        """
        from prefect.client.orchestration import get_client
        from prefect.states import Scheduled

        environment = {"OMP_NUM_THREADS": "1", "DIPTYCH_WORKERS": "1" if queue == "default" else "2"}
        start: Any = Scheduled(scheduled_time=datetime.now(UTC) + timedelta(seconds=ahead))
        with get_client(sync_client=True) as client:
            waiting = [
                client.create_flow_run_from_deployment(
                    self._deployment,
                    parameters={"store": self.store, **chosen},
                    state=start,
                    work_queue_name=queue,
                    job_variables={"env": environment},
                ).id
                for chosen in parameters
            ]
            ended = []
            while waiting:
                found = client.read_flow_run(waiting[0])
                if not (found.state and found.state.is_final()):
                    time.sleep(WATCH_SECONDS)
                    continue
                assert found.state.is_completed(), f"{found.state.name}: {found.state.message}"
                ended.append(found)
                waiting.pop(0)
        starts, ends = [run.start_time for run in ended], [run.end_time for run in ended]
        return (max(one for one in ends if one) - min(one for one in starts if one)).total_seconds()

    def commit_times(self) -> list[float]:
        """Of all documents, in seconds since 1970."""
        settings = load_settings(self.store)
        with Diptych.open(settings) as diptych:
            return [datetime.fromisoformat(record.updated_at).timestamp() for record in diptych.documents()]

    def picture_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.pictures.rglob("*") if file.is_file())

    def database_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.home.glob("prefect.db*"))


@contextmanager
def work_pool(
    options: BenchOptions, workers: int, place: Path | None = None, poll_seconds: int = POLL_SECONDS
) -> Iterator[WorkPool]:
    """A running server, and `workers` workers on a core each, which ask it for runs every `poll_seconds`.

    `place`: a folder that is kept, with the data of the server and the pictures.
    """
    with ExitStack() as running:
        temporary = running.enter_context(tempfile.TemporaryDirectory(prefix="diptych-bench-"))
        running.enter_context(terminable())
        pool = WorkPool(place or Path(temporary), options, poll_seconds)
        pool.home.mkdir(exist_ok=True)
        os.environ.update(pool.environment)
        cores = sorted(os.sched_getaffinity(0))
        server = Service("Prefect server", ["prefect", "server", "start"], os.environ, pool.home / "server.log")
        running.callback(server.stop, STOP_SECONDS)
        server.wait_for(f"{pool.url}/health", START_SECONDS)
        pool.deploy()
        for number in range(workers):
            running.enter_context(pool.worker("default", {cores[number % len(cores)]}))
        yield pool
