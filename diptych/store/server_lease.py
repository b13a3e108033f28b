"""One ingest of a document at a time, among machines that share a server: a lease is a point in the register.

It is taken by inserting it unless it is there, which the server does as one step. A lease whose process has died on
this machine is taken over at once, any other when its time is up.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from diptych.store.types import NAMESPACE, Point

SECONDS = 900.0
"""How long a lease is good for: longer than a document may take."""
POLL = 0.2
HOST = socket.gethostname()


class Register(Protocol):
    def insert(self, point: Point) -> None: ...

    def retrieve(self, ids: Sequence[str]) -> list[Point]: ...

    def discard(self, point: Point) -> None: ...


@contextmanager
def document_lease(register: Register, document: str) -> Iterator[None]:
    """Wait for the lease of a document, and keep it until the block ends."""
    identity = str(uuid.uuid5(NAMESPACE, f"lease {document}"))
    payload = {"lease": uuid.uuid4().hex, "host": HOST, "pid": os.getpid()}
    while True:
        mine = Point(identity, {**payload, "until": time.time() + SECONDS})
        register.insert(mine)
        held = register.retrieve([identity])
        if held and held[0].payload["lease"] == payload["lease"]:
            break
        if held and _expired(held[0]):
            register.discard(held[0])  # that very lease: somebody else may have taken over meanwhile
        else:
            time.sleep(POLL)
    try:
        yield
    finally:
        register.discard(mine)


def _expired(lease: Point) -> bool:
    if lease.payload["until"] < time.time():
        return True
    if lease.payload["host"] != HOST:
        return False
    try:
        os.kill(lease.payload["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
