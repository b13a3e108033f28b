"""Break a real server while documents are written and read. `pytest -s` prints what the writer and the readers saw.

Whatever happens, readers see complete documents, nothing that was reported complete is lost, every failure is one
sentence, and running again converges.
"""

from __future__ import annotations

import collections
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from diptych.search.query.query import Query
from diptych.search.search import SearchContext, search
from diptych.store.spaces import Spaces
from tests.diptych.store.test_kills import check_reads, content, started_processes
from tests.support.fakes import WordEncoder
from tests.support.kills import NAMES, open_for_kills, prepare_server_store
from tests.support.qdrant_server import NEEDS_BINARY, QdrantServer, running_proxy, running_server

pytestmark = [NEEDS_BINARY, pytest.mark.timeout(1800)]  # never decides the outcome, however busy the machine

LAST_VERSION = 9


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QdrantServer]:
    with running_server(tmp_path_factory.mktemp("qdrant")) as started:
        yield started


@dataclass
class Seen:
    """What a writer and a reader saw while a server was broken."""

    exit_codes: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    """Messages of the writer."""
    reads: list[str] = field(default_factory=list)
    """Lines of the reader."""

    def describe(self, fault: str) -> str:
        codes = dict(collections.Counter(self.exit_codes))
        failed = sorted({line for line in self.reads if line.startswith("failed")})
        return f"{fault} | exit codes {codes} {sorted(set(self.errors))} | {self.reads[-1]}, {failed}"


def break_while_writing(
    request: pytest.FixtureRequest,
    url: str,
    folder: Path,
    seconds: float,
    fault: Callable[[], None],
    death: Callable[[], str] = str,
) -> Seen:
    """Write version after version, and read, until `fault` returns; then write once more, and check everything.

    `seconds`: deadline of a request. `death`: when the next writer dies, as for `write_version`.
    """
    name = request.node.name
    store = prepare_server_store(folder / "store", url, f"{name[:40]}-a")
    uninterrupted = prepare_server_store(folder / "uninterrupted", url, f"{name[:40]}-b")
    seen = Seen()
    with started_processes() as processes:
        write = processes.write
        assert write(store, 1) == 0
        prepare_server_store(store, url, f"{name[:40]}-a", seconds)
        with processes.reading(store) as lines:
            breaking = threading.Thread(target=fault)
            breaking.start()
            version = 1
            while breaking.is_alive():
                version = version % 7 + 1
                seen.exit_codes.append(write(store, version, death()))
                if seen.exit_codes[-1] == 0 and not breaking.is_alive():
                    assert stored_versions(store) == {(name, version) for name in NAMES}
            breaking.join()
            prepare_server_store(store, url, f"{name[:40]}-a")
            assert write(store, LAST_VERSION) == 0
        assert stored_versions(store) == {(name, LAST_VERSION) for name in NAMES}
        assert write(uninterrupted, LAST_VERSION) == 0
    seen.reads = lines
    check_reads(lines, may_fail=True)
    if (store / "errors").exists():
        seen.errors = (store / "errors").read_text().splitlines()
    print("\n" + seen.describe(name))
    assert set(seen.exit_codes) <= {0, 1, -signal.SIGKILL}
    assert len(seen.errors) == seen.exit_codes.count(1)
    assert content(store) == content(uninterrupted)
    return seen


def stored_versions(folder: Path) -> set[tuple[str, int]]:
    """(document, version) of everything that a search finds."""
    store = open_for_kills(folder)
    hits = search([Query("pump version")], SearchContext(store, Spaces(WordEncoder()), folder), 100)[0]
    store.close()
    texts = ((hit.document, hit.caption or hit.text) for hit in hits)
    return {(document, int(text.rsplit(" ", 1)[1])) for document, text in texts if "version " in text}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_server_that_is_killed_or_restarted_is_waited_for(
    request: pytest.FixtureRequest, server: QdrantServer, tmp_path: Path, number: signal.Signals
) -> None:
    moments = random.Random(number)

    def restart() -> None:
        for _ in range(6):
            time.sleep(moments.uniform(0.1, 2))
            server.stop(number)
            server.start()

    seen = break_while_writing(request, server.url, tmp_path, 60, restart)
    assert set(seen.exit_codes) == {0}


@pytest.mark.slow
def test_more_than_a_hundred_kills_of_writers_and_of_the_server(
    request: pytest.FixtureRequest, server: QdrantServer, tmp_path: Path
) -> None:
    moments, deaths, crashes = random.Random(13), [""], 75

    def crash() -> None:
        for _ in range(crashes):
            started = len(deaths)
            time.sleep(moments.uniform(0.1, 2))
            server.stop(signal.SIGKILL)
            server.start()
            while len(deaths) == started:  # on a busy machine, a server that always crashes would stop all writers
                time.sleep(0.1)

    def die() -> str:
        deaths.append(f"{moments.uniform(0, 1):.2f}" if len(deaths) % 4 else "")
        return deaths[-1]

    seen = break_while_writing(request, server.url, tmp_path, 60, crash, die)
    killed = seen.exit_codes.count(-signal.SIGKILL)
    print(f"kills: {crashes} of the server, {killed} of writers")
    assert set(seen.exit_codes) == {0, -signal.SIGKILL}
    assert crashes + killed > 100


def test_server_that_stays_away_is_reported(
    request: pytest.FixtureRequest, server: QdrantServer, tmp_path: Path
) -> None:
    def crash() -> None:
        time.sleep(0.5)
        server.stop(signal.SIGKILL)
        time.sleep(5)
        server.start()

    seen = break_while_writing(request, server.url, tmp_path, 2, crash)
    assert 1 in seen.exit_codes
    assert all("cannot be reached" in error for error in seen.errors)


@pytest.mark.parametrize(
    ("pause", "deadline"), [(4, 2), (4, 30), pytest.param(60, 20, marks=pytest.mark.slow)], ids=str
)
def test_server_that_hangs(
    request: pytest.FixtureRequest, server: QdrantServer, tmp_path: Path, pause: float, deadline: float
) -> None:
    def hang() -> None:
        for _ in range(2):
            time.sleep(0.7)
            server.send_signal(signal.SIGSTOP)
            time.sleep(pause)
            server.send_signal(signal.SIGCONT)

    seen = break_while_writing(request, server.url, tmp_path, deadline, hang)
    assert (1 in seen.exit_codes) == (pause > deadline)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this user may not mount a small disk: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_full_disk(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1500) as disk, running_server(disk) as server:

        def fill() -> None:
            time.sleep(0.5)
            try:
                with (disk / "filler").open("wb") as filler:
                    while True:
                        filler.write(bytes(1 << 20))
            except OSError:
                pass
            time.sleep(8)
            (disk / "filler").unlink()
            server.stop(signal.SIGKILL)  # whether it lived or not
            server.start()

        seen = break_while_writing(request, server.url, tmp_path, 3, fill)
    assert 1 in seen.exit_codes


def test_slow_server(request: pytest.FixtureRequest, server: QdrantServer, tmp_path: Path) -> None:
    with running_proxy(server.url) as proxy:

        def slow_down() -> None:
            proxy.seconds = 0.2
            time.sleep(3)
            proxy.seconds = 6  # longer than the deadline
            time.sleep(8)
            proxy.seconds = 0

        seen = break_while_writing(request, proxy.url, tmp_path, 3, slow_down)
    assert 1 in seen.exit_codes


def test_two_writers_and_one_dies(request: pytest.FixtureRequest, server: QdrantServer, tmp_path: Path) -> None:
    moments = random.Random(3)
    store = tmp_path / "store"  # of both writers

    def write_and_die() -> None:
        with started_processes() as others:
            for number in range(8):
                assert others.write(store, number % 3 + 1, f"{moments.uniform(0, 1.5):.2f}") in (0, -9)

    seen = break_while_writing(request, server.url, tmp_path, 60, write_and_die)
    assert set(seen.exit_codes) == {0}
