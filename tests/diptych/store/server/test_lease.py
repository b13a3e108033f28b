"""A lease in the register allows one ingest of a document at a time, and is taken over from dead processes."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from diptych.store.server import store as server
from diptych.store.server.store import HOST, ServerStore, document_lease
from diptych.store.types import NAMESPACE, Point
from tests.support.stores import SERVER, open_store

LEASE_ID = str(uuid.uuid5(NAMESPACE, "lease d1"))


@pytest.fixture(params=["memory", SERVER])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerStore]:
    opened = open_store(request.param, tmp_path, 3)
    assert isinstance(opened, ServerStore)
    yield opened
    opened.close()


def test_two_threads_take_turns(store: ServerStore) -> None:
    order = []

    def work(name: str) -> None:
        with store.lock_document("d1"):
            order.append(f"{name} in")
            time.sleep(0.05)  # long enough for the other thread to get in, if it could
            order.append(f"{name} out")

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])
    assert store.documents.retrieve([LEASE_ID]) == []


def test_other_documents_do_not_wait(store: ServerStore) -> None:
    with store.lock_document("d1"), store.lock_document("d2"):
        assert len(store.documents.retrieve([LEASE_ID])) == 1


def test_lease_of_a_dead_process_is_taken_over(store: ServerStore) -> None:
    highest = int(Path("/proc/sys/kernel/pid_max").read_text())
    dead = {"lease": "x", "host": HOST, "pid": highest + 1, "until": time.time() + 600}
    store.documents.insert(Point(LEASE_ID, dead))
    with document_lease(store.documents, "d1"):
        assert store.documents.retrieve([LEASE_ID])[0].payload["lease"] != "x"


def test_lease_of_another_machine_is_waited_for_until_it_expires(store: ServerStore) -> None:
    until = time.time() + 0.3
    store.documents.insert(Point(LEASE_ID, {"lease": "x", "host": "elsewhere", "pid": 1, "until": until}))
    with document_lease(store.documents, "d1"):
        assert time.time() >= until


def test_lease_of_a_machine_whose_clock_is_years_ahead_is_taken_over(
    store: ServerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LEASE_SECONDS", 0.3)
    until = time.time() + 1e9
    store.documents.insert(Point(LEASE_ID, {"lease": "x", "host": "elsewhere", "pid": 1, "until": until}))
    start = time.monotonic()
    store.wait_for_locks()
    assert time.monotonic() - start > 0.3
    with document_lease(store.documents, "d1"):
        assert time.monotonic() - start > 0.3


def test_changed_point_is_not_deleted(store: ServerStore) -> None:
    store.documents.insert(Point(LEASE_ID, {"lease": "new"}))
    store.documents.insert(Point(LEASE_ID, {"lease": "late"}))
    store.documents.delete_if_equal(Point(LEASE_ID, {"lease": "old"}))
    assert store.documents.retrieve([LEASE_ID])[0].payload == {"lease": "new"}
