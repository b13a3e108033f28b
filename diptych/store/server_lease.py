"""One ingest of a document at a time, on all machines that share a server: a lease is a point in the register.

A lease is taken by inserting it unless it exists, which the server does in one step. The lease of a process that died
on this machine is taken over at once, any other when it expires.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from diptych.store.server_collection import ServerCollection
from diptych.store.types import NAMESPACE, Point

LEASE_SECONDS = 900.0
"""Longer than a document may take."""
POLL_SECONDS = 0.2
HOST = socket.gethostname()


@contextmanager
def document_lease(register: ServerCollection, document: str) -> Iterator[None]:
    """Wait for the lease of a document, and keep it until the block ends."""
    lease_id = str(uuid.uuid5(NAMESPACE, f"lease {document}"))
    payload = {"lease": uuid.uuid4().hex, "host": HOST, "pid": os.getpid()}
    while True:
        mine = Point(lease_id, {**payload, "until": time.time() + LEASE_SECONDS})
        register.insert(mine)
        current = register.retrieve([lease_id])
        if current and current[0].payload["lease"] == payload["lease"]:
            break
        if current and _is_expired(current[0]):
            register.delete_if_equal(current[0])  # another process may have taken it over in the meantime
        else:
            time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        register.delete_if_equal(mine)


def _is_expired(lease: Point) -> bool:
    if lease.payload["until"] < time.time():
        return True
    return lease.payload["host"] == HOST and not psutil.pid_exists(lease.payload["pid"])
