"""The store on a Qdrant server: the same three collections through qdrant-client."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

from qdrant_client import QdrantClient

from diptych.settings import Settings
from diptych.store.server_collection import API_KEY_VARIABLE, ServerCollection, ServerOptions
from diptych.store.server_lease import document_lease
from diptych.store.types import BM25_FIELDS, STORE_ID, VECTORS, VectorShapes, collection_name, current_edition


def open_server_store(settings: Settings, shapes: VectorShapes) -> ServerStore:
    """The server that `settings.store` names; its API key comes from the environment only."""
    return ServerStore(_client(settings), ServerOptions.of(settings), shapes)


def server_store_exists(settings: Settings) -> bool:
    """Whether the server has a store of that name."""
    client, layout = _client(settings), ServerOptions.of(settings)
    try:
        return ServerCollection(client, f"{layout.prefix}-documents", layout).is_there()
    finally:
        client.close()


def _client(settings: Settings) -> QdrantClient:
    return QdrantClient(
        url=settings.store,
        api_key=os.environ.get(API_KEY_VARIABLE),
        timeout=max(1, int(settings.server_seconds)),
        check_compatibility=False,
    )


class ServerStore:
    """The `Index` on a Qdrant server. `shapes`: of a new store's vectors."""

    def __init__(self, client: QdrantClient, layout: ServerOptions, shapes: VectorShapes) -> None:
        self._client, self._layout = client, layout
        self.documents = self._collection("documents")
        self.documents.ensure({}, ())
        self.edition = current_edition(self.documents.retrieve([STORE_ID]))
        self.text, self.images = self.open_edition(self.edition, shapes)

    def open_edition(self, edition: int, shapes: VectorShapes) -> tuple[ServerCollection, ServerCollection]:
        made = {name: self._collection(collection_name(name, edition)) for name in ("text", "images")}
        for name, collection in made.items():
            held = {vector: shapes[vector] for vector in VECTORS[name] if vector in shapes}
            collection.ensure(held, BM25_FIELDS[name])
        return made["text"], made["images"]

    def drop_edition(self, edition: int) -> bool:
        removed = [self._collection(collection_name(name, edition)).remove() for name in ("text", "images")]
        return any(removed)

    def _collection(self, name: str) -> ServerCollection:
        return ServerCollection(self._client, f"{self._layout.prefix}-{name}", self._layout)

    def hold(self) -> AbstractContextManager[object]:
        return nullcontext()

    def lock_document(self, document: str) -> AbstractContextManager[object]:
        """Among all machines, by a lease in the register."""
        return document_lease(self.documents, document)

    def check_disk_space(self) -> None:
        """Nothing to do: a server looks after its own disk."""

    def optimize(self) -> None:
        """Nothing to do: a server indexes by itself."""

    def close(self) -> None:
        self._client.close()
