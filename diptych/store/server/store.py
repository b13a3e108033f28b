"""The store on a Qdrant server: the same three collections, through qdrant-client."""

from __future__ import annotations

import os
import re
import socket
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field

import psutil
from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import ApiException

from diptych.errors import StoreError, StoreMissing
from diptych.object_store import hide_credentials
from diptych.settings import API_KEY_VARIABLE, Settings
from diptych.store.page_vectors import ImagesWithPages
from diptych.store.server.aliases import publish_edition
from diptych.store.server.collection import ServerCollection
from diptych.store.server.failures import WRITES_DROPPED, explain_failure
from diptych.store.server.options import ServerOptions
from diptych.store.types import (
    NAMESPACE,
    PAGE_VECTOR,
    STORE_ID,
    Collection,
    Point,
    VectorShapes,
    current_edition,
    facts_at_opening,
)

OLDEST_SERVER = (1, 17)
"""Before 1.17, servers ignore `insert_only`, so two processes could hold the same lease."""
TURBO_SINCE = (1, 18)
LEASE_SECONDS = 900.0
"""Longer than a document may take."""
POLL_SECONDS = 0.2
MAX_DROPPED = 10
"""Leases in a row that were neither taken nor anybody else's. One or two are possible: theirs has just ended."""
HOST = socket.gethostname()


def open_server_store(settings: Settings, shapes: VectorShapes, *, create: bool = True) -> ServerStore:
    """The store on the server that the settings name; its API key comes from `Settings.secret`.

    Raises `StoreMissing` if it does not exist and `create` is False.
    """
    client, options = _client(settings), ServerOptions.of(settings)
    try:
        version = _read_version(client, settings)
        if settings.quantization == "turbo" and _release(version) < TURBO_SINCE:
            raise StoreError(
                f"{hide_credentials(settings.store)}: runs Qdrant {version}, but `quantization` is turbo, which "
                f"requires {'.'.join(map(str, TURBO_SINCE))} or newer; update the server, or set it to scalar or binary"
            )
        facts = ServerCollection(client, "documents", 1, options).find(facts_at_opening())
        if facts is None and not create:
            raise StoreMissing(settings.store)
        return ServerStore(client, options, shapes, facts)
    except BaseException:
        client.close()
        raise


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

    is_remote = True

    def __init__(
        self, client: QdrantClient, options: ServerOptions, shapes: VectorShapes, facts: Sequence[Point] | None = None
    ) -> None:
        """`facts`: the points `facts_at_opening`, if they were read already."""
        self._client, self._options = client, options
        self._leases: dict[str, Lease] = {}
        self.documents = ServerCollection(client, "documents", 1, options)
        if not any(point.id == STORE_ID for point in facts or ()):  # it is written when all collections are complete
            self.documents.prepare({})
            facts = self.documents.retrieve(facts_at_opening())
        self.facts = {point.id: point.payload for point in facts or ()}
        self.edition = current_edition(self.facts)
        self.text, self.images = self.open_edition(self.edition, shapes)
        self.publish(self.edition)

    @property
    def shapes(self) -> VectorShapes:
        return {name: shape for one in self._opened for name, shape in one.shapes.items()}

    def open_edition(self, edition: int, shapes: VectorShapes) -> tuple[ServerCollection, Collection]:
        text, images, pages = collections = self._collections(edition)
        opened = collections if PAGE_VECTOR in shapes else (text, images)
        for collection in opened:
            collection.prepare(shapes)
        if edition == self.edition:
            self._opened, self._options = opened, self._options.inherit(text.params)
        return text, ImagesWithPages(images, pages) if PAGE_VECTOR in shapes else images

    def publish(self, edition: int) -> None:
        prefix, aliases, bound = self._options.prefix, self._options.aliases, self.facts.get(STORE_ID, {})
        if aliases is None or bound.get("published") == [aliases, edition]:
            return
        self.documents.retry(lambda: publish_edition(self._client, prefix, aliases, edition))
        if bound:  # so that it is not checked again whenever the store is opened
            self.facts = {**self.facts, STORE_ID: {**bound, "published": [aliases, edition]}}
            with suppress(StoreError):  # with a key that may only read
                self.documents.upsert([Point(STORE_ID, self.facts[STORE_ID])])

    def drop_edition(self, edition: int) -> bool:
        dropped = [collection.drop() for collection in self._collections(edition)]
        return any(dropped)

    def _collections(self, edition: int) -> tuple[ServerCollection, ServerCollection, ServerCollection]:
        """`text`, `images` and `pages`, which need not exist."""
        client, options = self._client, self._options
        return (
            ServerCollection(client, "text", edition, options),
            ServerCollection(client, "images", edition, options),
            ServerCollection(client, "pages", edition, options),
        )

    def hold(self) -> AbstractContextManager[object]:
        return nullcontext()

    def in_background(self, steps: Iterator[None]) -> None:
        """Takes no step: a server sends payloads along with the lists."""

    @contextmanager
    def lock_document(self, document: str, read: Sequence[str] = ()) -> Iterator[list[Point]]:
        """Locks on all machines that use the server, with a lease in the register."""
        with document_lease(self.documents, document, read) as lease:
            self._leases[document] = lease
            try:
                yield lease.points
            finally:
                if self._leases.get(document) is lease:
                    del self._leases[document]

    def write_and_unlock(self, points: Sequence[Point], document: str, replaced: int) -> None:
        lease = self._leases[document]
        self.documents.write_and_release(points, document, replaced, lease.point)
        lease.ended = True

    def wait_for_locks(self) -> None:
        start = time.monotonic()  # as in `document_lease`, clocks may be wrong
        for lease in self.documents.scroll():
            while "lease" in lease.payload and not _is_expired(lease) and time.monotonic() - start <= LEASE_SECONDS:
                current = self.documents.retrieve([lease.id])
                if not current or current[0].payload["lease"] != lease.payload["lease"]:
                    break
                time.sleep(POLL_SECONDS)

    def check_disk_space(self) -> None:
        """Does nothing: a server checks its own disk."""

    def optimize(self) -> None:
        """Does nothing: a server builds its search structures by itself."""

    def close(self) -> None:
        self._client.close()


@dataclass(slots=True)
class Lease:
    """The lock of a document that this process holds."""

    point: Point
    points: list[Point] = field(default_factory=list)
    """What was read of the register when it was taken."""
    ended: bool = False
    """Whether it was deleted together with a write."""


@contextmanager
def document_lease(register: ServerCollection, document: str, read: Sequence[str] = ()) -> Iterator[Lease]:
    """Allow one ingest of a document at a time, on all machines that share a server, with a point in the register.

    A lease is taken by inserting it unless it exists, which the server does in one step. The lease of a process that
    died on this machine is taken over at once, any other when it expires: by the clock of all machines, or if one of
    them is wrong, by this process having waited so long.
    """
    lease_id = str(uuid.uuid5(NAMESPACE, f"lease {document}"))
    payload = {"lease": uuid.uuid4().hex, "host": HOST, "pid": os.getpid()}
    waited_for, since, dropped = "", time.monotonic(), 0
    while dropped < MAX_DROPPED:
        mine = Point(lease_id, {**payload, "until": time.time() + LEASE_SECONDS})
        register.insert(mine)
        points = register.retrieve([lease_id, *read])
        current = next((point for point in points if point.id == lease_id), None)
        if current and current.payload["lease"] == payload["lease"]:
            break
        if current and current.payload["lease"] != waited_for:
            waited_for, since = current.payload["lease"], time.monotonic()
        dropped = 0 if current else dropped + 1
        if current and (_is_expired(current) or time.monotonic() - since > LEASE_SECONDS):
            register.delete_if_equal(current)  # another process may have taken it over in the meantime
        else:
            time.sleep(POLL_SECONDS)
    else:
        raise StoreError(f"{register.name}: {WRITES_DROPPED}")
    lease = Lease(mine, points)
    try:
        yield lease
    finally:
        if not lease.ended:
            register.delete_if_equal(mine)


def _is_expired(lease: Point) -> bool:
    if lease.payload["until"] < time.time():
        return True
    return lease.payload["host"] == HOST and not psutil.pid_exists(lease.payload["pid"])
