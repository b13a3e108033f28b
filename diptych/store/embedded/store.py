"""The store in a folder: three qdrant-edge shards behind one lock, which processes take turns to own.

The engine's log is an exclusive lock, so a folder has one owner at a time. An owner keeps its shards open while no
other process waits; as soon as one does, a watching thread closes them between two operations.

The engine syncs its files only when a shard is closed. After a power cut it repeats its log, so it is the log that is
synced: before a write to the register everything that the write makes visible, and afterwards the write itself.
"""

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path

from qdrant_edge import EdgeShard

from diptych.errors import DiptychError, StoreError, StoreMismatch
from diptych.store.disk_space import NEW_COLLECTION_BYTES, RESERVE_TO_START, check_disk_space, explain_failure
from diptych.store.embedded import graphs
from diptych.store.embedded.collection import EmbeddedCollection, create_shard, point_from_record, stored_shapes
from diptych.store.embedded.lock import HandoverLock, document_lock, wait_for_document_locks
from diptych.store.embedded.read_ahead import read_payloads
from diptych.store.page_vectors import ImagesWithPages
from diptych.store.tenant import FOLDER, NO_TENANT, TENANT_REFUSED, TENANT_REQUIRED, Tenant
from diptych.store.types import (
    PAGE_VECTOR,
    Collection,
    Payload,
    Point,
    VectorShapes,
    collection_name,
    current_edition,
    facts_at_opening,
)
from extractors.atomic_write import make_private_folder, sync_folder

LOG = "wal"  # the engine's folder for it
WATCH_SECONDS, QUIET_SECONDS = 0.05, 0.25  # between two checks whether another process waits, and after a search
IDLE_SECONDS = 0.1  # after a search, which ends the turn of a process that only searches


class EmbeddedStore:
    """A `Store` in a folder."""

    is_remote = False

    def __init__(self, folder: Path, shapes: VectorShapes, lock_seconds: float, tenant: Tenant = NO_TENANT) -> None:
        """Open the store, or create it with vectors of `shapes`. `lock_seconds`: longest wait for other owners."""
        self._folder, self._lock_seconds, self._tenant = folder, lock_seconds, tenant
        try:
            make_private_folder(folder)
        except OSError as error:
            raise StoreError(f"{folder}: cannot be used as a store: {error.strerror}. Use another --store") from error
        self._check_tenant()
        self._lock = HandoverLock(folder)
        self._shards: dict[str, EdgeShard] = {}
        self._shapes: dict[str, VectorShapes] = {}
        self._is_owner, self._used_at, self._held_at = False, 0.0, 0.0
        self.edition = 0  # unknown until the register is read
        self.facts: dict[str, Payload] = {}
        self._operations = self._holders = 0
        self._unsynced: set[str] = set()  # names of shards that were written since their log was synced
        self._syncing = threading.Lock()
        self._read_ahead: Iterator[None] | None = None  # until the first search since the shards were opened
        self._background: Iterator[None] = iter(())
        self._handing_over = False
        self._changed, self._closed = threading.Condition(), threading.Event()
        self.documents = self._collection("documents")
        self.text: Collection = self.documents
        self.images: Collection = self.documents
        self._open_collections(shapes)
        threading.Thread(target=self._watch, name="diptych-handover", daemon=True).start()

    def _check_tenant(self) -> None:
        """Documents with and without a tenant are never kept together: without one, nothing would be restricted."""
        shared = (self._folder / FOLDER).exists()
        if shared and not self._tenant:
            raise StoreError(f"{self._folder}: {TENANT_REQUIRED}")
        if self._tenant and not shared and (self._folder / "documents").exists():
            raise StoreError(f"{self._folder}: {TENANT_REFUSED}")
        if self._tenant:
            (self._folder / FOLDER).mkdir(exist_ok=True)

    def _open_collections(self, shapes: VectorShapes) -> None:
        """Open all shards, so that an unreadable or busy store is reported at once."""
        try:
            with self.operation("documents"):
                self.text, self.images = self.open_edition(self.edition, shapes)
            self.text.count()
            self.images.count()
        except BaseException:
            self._release()
            raise

    @contextmanager
    def operation(self, name: str) -> Iterator[EdgeShard]:
        """Keep the shard `name` open for this process until the block ends. Engine errors become `StoreError`."""
        with self._changed:
            # Within `hold`, operations go on even if another process waits: otherwise the holder could never finish.
            self._changed.wait_for(lambda: not self._handing_over or self._holders)
            if not self._is_owner:
                self._become_owner()
            shard = self._shards.get(name) or self._open_shard(name)
            self._operations += 1
        try:
            yield shard
        except (DiptychError, GeneratorExit):
            raise
        except Exception as error:  # the engine has a single error class
            raise StoreError(f"{self._folder}/{name}: {explain_failure(error, self._folder)}") from error
        finally:
            with self._changed:
                self._operations, self._used_at = self._operations - 1, time.monotonic()
                self._changed.notify_all()

    @contextmanager
    def write(self, name: str) -> Iterator[EdgeShard]:
        """An operation that writes. A write to the register survives a power cut, and so does all that precedes it."""
        if name == "documents":
            self._sync_logs()
        with self.operation(name) as shard:
            graphs.note_write(self._folder / name)
            yield shard
            self._unsynced.add(name)
            if name == "documents":
                self._sync_logs()

    def _sync_logs(self) -> None:
        with self._syncing:  # a thread that finds nothing to sync must not overtake the one that is syncing it
            for name in tuple(self._unsynced):
                self._unsynced.discard(name)
                sync_folder(self._folder / name / LOG)  # the engine renames files there

    @contextmanager
    def hold(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._handing_over)
            self._holders += 1
            if not self._read_ahead:
                self._read_ahead = read_payloads([self._folder / name for name in self._names(self.edition)])
        try:
            with self.operation("documents"):
                yield
        finally:
            with self._changed:
                self._holders, self._held_at = self._holders - 1, time.monotonic()

    def in_background(self, steps: Iterator[None]) -> None:
        self._background = steps

    @contextmanager
    def lock_document(self, document: str, read: Sequence[str] = ()) -> Iterator[list[Point]]:
        with document_lock(self._folder, document):
            yield self.documents.retrieve(read) if read else []

    def write_and_unlock(self, points: Sequence[Point], document: str, replaced: int) -> None:
        self.documents.upsert(points)  # which is never repeated; the lock ends with its block

    def wait_for_locks(self) -> None:
        wait_for_document_locks(self._folder)

    def open_edition(self, edition: int, shapes: VectorShapes) -> tuple[Collection, Collection]:
        names = [collection_name(kind, edition) for kind in ("text", "images", "pages")]
        self._shapes |= dict.fromkeys(names, shapes)
        text, images, pages = map(self._collection, names)
        return text, ImagesWithPages(images, pages) if PAGE_VECTOR in shapes else images

    def _collection(self, name: str) -> EmbeddedCollection:
        return EmbeddedCollection(self._folder, name, self.operation, self.write, self._tenant)

    def _names(self, edition: int) -> list[str]:
        """Of the collections of an edition; that of page vectors only if it exists."""
        text, images, pages = (collection_name(kind, edition) for kind in ("text", "images", "pages"))
        return [text, images, *([pages] if (self._folder / pages).exists() else [])]

    @property
    def shapes(self) -> VectorShapes:
        stored = (stored_shapes(self._folder / name) for name in self._names(self.edition))
        return {name: shape for shapes in stored for name, shape in shapes.items()}

    def publish(self, edition: int) -> None:
        """Does nothing: no other program can read the folder."""

    def drop_edition(self, edition: int) -> bool:
        existed = False
        if self._tenant:
            return self._drop_own(edition)
        for name in self._names(edition):
            with self._closed_shard(name) as place:
                existed |= place.exists()
                shutil.rmtree(place, ignore_errors=True)
        return existed

    def _drop_own(self, edition: int) -> bool:
        """Remove what the tenant has in an edition; other tenants may still use it."""
        collections = [self._collection(name) for name in self._names(edition) if (self._folder / name).exists()]
        own = [(collection, [point.id for point in collection.scroll()]) for collection in collections]
        for collection, ids in own:
            collection.delete(ids)
        return any(ids for _, ids in own)

    def check_disk_space(self) -> None:
        check_disk_space(self._folder)

    def optimize(self) -> None:
        for name in ("documents", *self._names(self.edition)):
            graphs.build(self._folder / name, partial(self.operation, name), partial(self._closed_shard, name))

    def close(self) -> None:
        self._closed.set()
        with self._without_operations():
            self._release()
        self._background = iter(())  # its steps refer to this store, which would not be freed

    def _become_owner(self) -> None:
        """Take the lock, and check that the edition is still the one that was opened."""
        if self._closed.is_set():
            raise StoreError(f"{self._folder}: the store is closed")
        self._lock.acquire(self._lock_seconds)
        self._is_owner = True
        try:
            graphs.restore_replaced(self._folder)
            ids = list(map(self._tenant.stored_id, facts_at_opening()))
            records = self._open_shard("documents").retrieve([*ids], True, False)
            self.facts = {point.id: point.payload for point in self._tenant.own(map(point_from_record, records))}
            edition = current_edition(self.facts)
            if self.edition not in (0, edition):
                raise StoreMismatch(f"{self._folder}: was reindexed in the meantime; run again to use its new edition")
            self.edition = edition
        except BaseException:
            self._release()
            raise

    def _open_shard(self, name: str) -> EdgeShard:
        place = self._folder / name
        try:
            with self._lock.opening():
                if not place.exists():
                    self._create_shard(name)
                self._shards[name] = EdgeShard.load(str(place))
        except DiptychError:
            raise
        except Exception as error:  # the engine has a single error class
            raise StoreError(f"{place}: cannot be opened as a store: {explain_failure(error, place.parent)}") from error
        return self._shards[name]

    def _create_shard(self, name: str) -> None:
        kind = name.split("-")[0]
        # The register is created first: a new store is not started where its collections would not fit.
        new_bytes = sum(NEW_COLLECTION_BYTES.values()) if kind == "documents" else NEW_COLLECTION_BYTES.get(kind, 0)
        check_disk_space(self._folder, RESERVE_TO_START + new_bytes)
        create_shard(self._folder / name, kind, self._shapes.get(name, {}), self._tenant)

    def _release(self) -> None:
        try:
            for shard in self._shards.values():
                shard.close()
        finally:
            self._shards, self._is_owner, self._read_ahead = {}, False, None
            self._lock.release()

    def _watch(self) -> None:
        while not self._closed.wait(WATCH_SECONDS):
            with suppress(Exception):  # the folder was removed, say: whoever uses the store gets the error
                if self._may_hand_over() and self._lock.is_wanted():
                    with self._without_operations():
                        self._release()
                elif reading := self._read_ahead:  # another thread may close the store now
                    is_quiet = time.monotonic() - self._held_at > QUIET_SECONDS
                    next(chain(reading, self._background if is_quiet else ()), None)

    def _may_hand_over(self) -> bool:
        with self._changed:  # not while shards are opened: nobody has used them yet
            is_idle = not self._operations and self._used_at <= self._held_at < time.monotonic() - IDLE_SECONDS
            return self._is_owner and (is_idle or self._lock.turn_is_over)

    @contextmanager
    def _closed_shard(self, name: str) -> Iterator[Path]:
        """The folder of a shard that is closed until the block ends, for all threads and processes."""
        with self._without_operations():
            if not self._is_owner:
                self._become_owner()
            if name in self._shards:
                self._shards.pop(name).close()
            yield self._folder / name

    @contextmanager
    def _without_operations(self) -> Iterator[None]:
        with self._changed:
            self._handing_over = True
            try:
                self._changed.wait_for(lambda: self._operations == 0)
                yield
            finally:
                self._handing_over = False
                self._changed.notify_all()
