"""Searching over HTTP, compared with calls of the library; alone, with eight clients, and during an ingest."""

import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from statistics import median
from urllib.parse import urlencode, urlsplit

from bench.measurement import MANUAL, BenchOptions, Measurement, percentile, time_alternately, time_call
from bench.store import read_ahead_seconds
from bench.synthetic_store import open_synthetic_store
from diptych import Diptych, Settings
from diptych.evaluation.questions import read_questions
from diptych.serve.options import PREFIX, ServeOptions
from diptych.serve.server import serve as serve_store

LATENCY_ROUNDS, THROUGHPUT_ROUNDS, IDLE_ROUNDS = 100, 5, 60
CLIENTS, REQUESTS = 8, 160
"""Of one round of throughput."""
ROWS = 100
"""Documents that are ingested while others are searched for."""
UNLIMITED = 1e9


def serving(options: BenchOptions) -> Iterator[Measurement]:
    """Latency and throughput of `diptych serve` next to those of the library, in one process with the store open."""
    synthetic = open_synthetic_store(options)
    texts = [one.query.text for one in read_questions(synthetic.questions)]
    with Diptych.open(synthetic.settings) as diptych, running(diptych) as address:
        diptych.search(texts[0])
        time.sleep(read_ahead_seconds(options.points))
        ours, library = _latency(diptych, address, texts)
        name = f"search over HTTP, {options.points:,} points"
        yield Measurement(f"{name}, median", 1000 * ours, "ms", "the library", 1000 * library)
        ours, library = _throughput(diptych, address, texts)
        yield Measurement(f"{name}, {CLIENTS} clients", ours, "searches/s", f"{CLIENTS} threads", library)
    for where in ("the same process", "another process"):
        taken, idle = _during_ingest(in_process=where == "the same process")
        for percent in (50, 95):
            values = [1000 * percentile(seconds, percent) for seconds in (taken, idle)]
            name = f"search over HTTP, ingest in {where}, p{percent}"
            yield Measurement(name, values[0], "ms", "without an ingest", values[1])


@contextmanager
def running(diptych: Diptych) -> Iterator[str]:
    """Serve a store in a thread; the thread ends with the program."""
    ready, addresses = threading.Event(), list[str]()

    def on_start(address: str) -> None:
        addresses.append(address)
        ready.set()

    options = ServeOptions(port=0, rate=UNLIMITED)
    threading.Thread(target=serve_store, args=(diptych, options, on_start), daemon=True).start()
    ready.wait()
    yield addresses[0]


def _latency(diptych: Diptych, address: str, texts: Sequence[str]) -> tuple[float, float]:
    http_search = Client(address).search
    queries = cycle(texts)  # in turns, because a text is encoded once and some texts take longer than others
    taken = time_alternately(lambda: http_search(next(queries)), lambda: diptych.search(next(queries)), LATENCY_ROUNDS)
    return median(taken[0]), median(taken[1])


def _throughput(diptych: Diptych, address: str, texts: Sequence[str]) -> tuple[float, float]:
    """Searches per second; the clients are a process of their own, as they are in practice."""
    asked = [text for text, _ in zip(cycle(texts), range(REQUESTS), strict=False)]
    command = [sys.executable, "-m", "bench.serving", address]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients,
        ThreadPoolExecutor(CLIENTS) as threads,
    ):
        assert clients.stdin
        assert clients.stdout
        reply = clients.stdout.readline

        def over_http() -> None:
            print(json.dumps(asked), file=clients.stdin, flush=True)
            assert json.loads(reply()) == len(asked)

        taken = time_alternately(over_http, lambda: list(threads.map(diptych.search, asked)), THROUGHPUT_ROUNDS)
        clients.stdin.close()
    return len(asked) / median(taken[0]), len(asked) / median(taken[1])


def _during_ingest(*, in_process: bool) -> tuple[list[float], list[float]]:
    """Seconds of searches while a catalogue is ingested into the same store, and before that."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        catalogue, store = folder / "pumps.jsonl", str(folder / "store")
        rows = ({"id": row, "description": f"Pump {row} moves {row * 7} litres a minute. " * 8} for row in range(ROWS))
        catalogue.write_text("".join(json.dumps(row) + "\n" for row in rows))
        with Diptych.open(Settings(store=store, workers=1)) as diptych:
            diptych.ingest([MANUAL])
            with running(diptych) as address:
                search = Client(address).search
                search("how is the filter cleaned")
                idle = [time_call(lambda: search("how is the filter cleaned")) for _ in range(IDLE_ROUNDS)]
                busy = _searches_until_end(search, catalogue, None if in_process else store, diptych)
    return busy, idle


def _searches_until_end(
    search: Callable[[str], object], catalogue: Path, store: str | None, diptych: Diptych
) -> list[float]:
    """Seconds of searches until an ingest has ended: of `diptych`, or of another process with a `store`."""
    taken: list[float] = []

    def ingest() -> None:
        if store is None:
            diptych.ingest([catalogue])
        else:
            command = [sys.executable, "-c", "import sys; from flows.cli.main import main; main(sys.argv[1:])"]
            subprocess.run([*command, "ingest", str(catalogue), "--store", store], check=True, capture_output=True)

    thread = threading.Thread(target=ingest)
    thread.start()
    while thread.is_alive():
        taken.append(time_call(lambda: search("how is the filter cleaned")))
    return taken


class Client:
    """A client that keeps its connection."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc)

    def search(self, text: str) -> bytes:
        self._connection.request("GET", f"{PREFIX}/search?{urlencode({'q': text})}")
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body


def main(address: str) -> None:
    """The clients of `_throughput`: for each line with queries, print how many were answered."""
    local = threading.local()

    def search(text: str) -> bytes:
        if not hasattr(local, "client"):
            local.client = Client(address)
        answered: bytes = local.client.search(text)
        return answered

    with ThreadPoolExecutor(CLIENTS) as threads:
        for line in sys.stdin:
            print(len(list(threads.map(search, json.loads(line)))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
