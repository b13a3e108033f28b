"""A lease in the register keeps a second ingest of a document out, and is taken over from the dead."""

from __future__ import annotations

import threading
import time
import uuid
from pathlib import Path

from qdrant_client import QdrantClient

from diptych.store.server import ServerStore
from diptych.store.server_collection import ServerOptions
from diptych.store.server_lease import HOST, document_lease
from diptych.store.types import NAMESPACE, Point, text_shapes

IDENTITY = str(uuid.uuid5(NAMESPACE, "lease d1"))


def server() -> ServerStore:
    return ServerStore(QdrantClient(":memory:"), ServerOptions("test", seconds=5), text_shapes(3))


def test_one_after_the_other() -> None:
    index, order = server(), []

    def work(name: str) -> None:
        with index.lock_document("d1"):
            order.append(f"{name} in")
            time.sleep(0.05)
            order.append(f"{name} out")

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])
    assert index.documents.retrieve([IDENTITY]) == []


def test_another_document_does_not_wait() -> None:
    index = server()
    with index.lock_document("d1"), index.lock_document("d2"):
        assert len(index.documents.retrieve([IDENTITY])) == 1


def test_the_lease_of_a_dead_process_is_taken_over() -> None:
    index = server()
    highest = int(Path("/proc/sys/kernel/pid_max").read_text())
    dead = {"lease": "x", "host": HOST, "pid": highest + 1, "until": time.time() + 600}
    index.documents.insert(Point(IDENTITY, dead))
    with document_lease(index.documents, "d1"):
        assert index.documents.retrieve([IDENTITY])[0].payload["lease"] != "x"


def test_a_lease_of_another_machine_ends_when_its_time_is_up() -> None:
    index = server()
    index.documents.insert(Point(IDENTITY, {"lease": "x", "host": "elsewhere", "pid": 1, "until": time.time() + 0.3}))
    start = time.time()
    with document_lease(index.documents, "d1"):
        assert time.time() - start >= 0.3


def test_discard_leaves_what_has_changed() -> None:
    index = server()
    index.documents.insert(Point(IDENTITY, {"lease": "new"}))
    index.documents.insert(Point(IDENTITY, {"lease": "late"}))
    index.documents.delete_if_equal(Point(IDENTITY, {"lease": "old"}))
    assert index.documents.retrieve([IDENTITY])[0].payload == {"lease": "new"}
