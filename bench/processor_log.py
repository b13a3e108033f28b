"""Processor time of a benchmark and of everything it starts, kept in a file that an interrupted run continues."""

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil

SAMPLE_SECONDS = 2.0


class ProcessorLog:
    """One line per sample: time since 1970, seconds that the benchmark has run, seconds of a core it has used."""

    def __init__(self, file: Path, url: str) -> None:
        """`url`: of a server whose processor time counts too if it runs on this machine."""
        self._file = file
        self._server = find_server(url)
        lines = file.read_text().splitlines() if file.exists() else []
        last: list[float] = json.loads(lines[-1]) if lines else [0.0, 0.0, 0.0]
        self._ran, self._used = last[1:]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Take samples until the block ends."""
        end = threading.Event()
        thread = threading.Thread(target=self._sample, args=(end,), name="processor-log", daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()

    def _sample(self, end: threading.Event) -> None:
        started, before, most = time.monotonic(), used_seconds(self._server), 0.0
        with self._file.open("a") as file:
            while True:
                done = end.wait(SAMPLE_SECONDS)
                most = max(most, used_seconds(self._server) - before)  # less while a process ends
                ran = self._ran + time.monotonic() - started
                file.write(json.dumps([round(time.time(), 1), round(ran, 1), round(self._used + most, 2)]) + "\n")
                file.flush()
                if done:
                    return

    def at(self, times: Sequence[float]) -> list[tuple[float, float]]:
        """For each time since 1970: how long the benchmark had run, and the seconds of a core it had used."""
        samples = np.array([json.loads(line) for line in self._file.read_text().splitlines()])
        ran, used = (np.interp(times, samples[:, 0], samples[:, column]) for column in (1, 2))
        return list(zip(map(float, ran), map(float, used), strict=True))


def used_seconds(server: psutil.Process | None) -> float:
    """Of a core, by this process, its descendants, those of them that have ended, and a server."""
    total = sum(os.times()[:4])
    for process in [*psutil.Process().children(recursive=True), *([server] if server else [])]:
        with suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])
    return total


def find_server(url: str) -> psutil.Process | None:
    """The process of this machine that listens on the port of a URL."""
    port = urlsplit(url).port
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            return psutil.Process(connection.pid)
    return None
