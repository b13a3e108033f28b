"""The store on a Qdrant server: the same three collections, through qdrant-client."""

from __future__ import annotations

import os
import re
import socket
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import psutil
from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import ApiException

from diptych.errors import StoreError
from diptych.settings import API_KEY_VARIABLE, Settings, hide_credentials
from diptych.store.server_aliases import publish_edition
from diptych.store.server_collection import ServerCollection
from diptych.store.server_failures import explain_failure
from diptych.store.server_options import ServerOptions
from diptych.store.types import NAMESPACE, STORE_ID, Point, VectorShapes, current_edition

OLDEST_SERVER = (1, 17)
"""Before 1.17, servers ignore `insert_only`, so two processes could hold the same lease."""
TURBO_SINCE = (1, 18)
LEASE_SECONDS = 900.0
"""Longer than a document may take."""
POLL_SECONDS = 0.2
HOST = socket.gethostname()


def open_server_store(settings: Settings, shapes: VectorShapes) -> ServerStore:
    """The store on the server that the settings name; its API key comes from `Settings.secret`."""
    client = _client(settings)
    version = _read_version(client, settings)
    if settings.quantization == "turbo" and _release(version) < TURBO_SINCE:
        raise StoreError(
            f"{hide_credentials(settings.store)}: runs Qdrant {version}, but `quantization` is turbo, which requires "
            f"{'.'.join(map(str, TURBO_SINCE))} or newer; update the server, or set it to scalar or binary"
        )
    return ServerStore(client, ServerOptions.of(settings), shapes)


def server_version(settings: Settings) -> str:
    """The version of the server. Raises `StoreError` if it cannot be reached, is too old, or rejects the key."""
    client = _client(settings)
    try:
        version = _read_version(client, settings)
        ServerCollection(client, "documents", 1, ServerOptions.of(settings)).exists()  # the version requires no key
        return version
    finally:
        client.close()


def _read_version(client: QdrantClient, settings: Settings) -> str:
    url, oldest = hide_credentials(settings.store), ".".join(map(str, OLDEST_SERVER))
    try:
        version = client.info().version
    except (ApiException, ValueError) as error:
        raise StoreError(f"{url}: {explain_failure(error)}") from error
    if _release(version) < OLDEST_SERVER:
        raise StoreError(f"{url}: runs Qdrant {version}, but {oldest} or newer is required; update the server")
    return version


def _release(version: str) -> tuple[int, int]:
    major, minor, *_ = (*re.findall(r"\d+", version), "0", "0")
    return int(major), int(minor)


def server_store_exists(settings: Settings) -> bool:
    client, options = _client(settings), ServerOptions.of(settings)
    try:
        return ServerCollection(client, "documents", 1, options).exists()
    finally:
        client.close()


def _client(settings: Settings) -> QdrantClient:
    with warnings.catch_warnings():  # the operator decides where a key without TLS is safe
        warnings.filterwarnings("ignore", "Api key is used with an insecure connection")
        return QdrantClient(
            url=settings.store,
            api_key=settings.secret(API_KEY_VARIABLE) or None,
            timeout=max(1, int(settings.server_seconds)),
            check_compatibility=False,
        )


class ServerStore:
    """A `Store` on a Qdrant server, created with vectors of `shapes` if it does not exist."""

    def __init__(self, client: QdrantClient, options: ServerOptions, shapes: VectorShapes) -> None:
        self._client, self._options = client, options
        self.documents = ServerCollection(client, "documents", 1, options)
        self.documents.prepare({})
        self.edition = current_edition(self.documents.retrieve([STORE_ID]))
        self.text, self.images = self.open_edition(self.edition, shapes)
        self._options = options.inherit(self.text.params)
        self.publish(self.edition)

    @property
    def prefix(self) -> str:
        """Of the collections' names."""
        return self._options.prefix

    @property
    def shapes(self) -> VectorShapes:
        return {**self.text.shapes, **self.images.shapes}

    def open_edition(self, edition: int, shapes: VectorShapes) -> tuple[ServerCollection, ServerCollection]:
        text, images = self._collections(edition)
        text.prepare(shapes)
        images.prepare(shapes)
        return text, images

    def publish(self, edition: int) -> None:
        if (aliases := self._options.aliases) is not None:
            self.documents.retry(lambda: publish_edition(self._client, self.prefix, aliases, edition))

    def drop_edition(self, edition: int) -> bool:
        text, images = (collection.drop() for collection in self._collections(edition))
        return text or images

    def _collections(self, edition: int) -> tuple[ServerCollection, ServerCollection]:
        return (
            ServerCollection(self._client, "text", edition, self._options),
            ServerCollection(self._client, "images", edition, self._options),
        )

    def hold(self) -> AbstractContextManager[object]:
        return nullcontext()

    def lock_document(self, document: str) -> AbstractContextManager[object]:
        """Locks on all machines that use the server, with a lease in the register."""
        return document_lease(self.documents, document)

    def check_disk_space(self) -> None:
        """Does nothing: a server checks its own disk."""

    def optimize(self) -> None:
        """Does nothing: a server builds its search structures by itself."""

    def close(self) -> None:
        self._client.close()


@contextmanager
def document_lease(register: ServerCollection, document: str) -> Iterator[None]:
    """Allow one ingest of a document at a time, on all machines that share a server, with a point in the register.

    A lease is taken by inserting it unless it exists, which the server does in one step. The lease of a process that
    died on this machine is taken over at once, any other when it expires.
    """
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
