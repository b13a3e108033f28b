"""The store on a Qdrant server: the same three collections through qdrant-client."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

from qdrant_client import QdrantClient

from diptych.settings import Settings
from diptych.store.server_collection import KEY, Layout, ServerCollection
from diptych.store.server_lease import leased
from diptych.store.types import STORE_ID, TEXT_INDEXES, VECTORS, Shapes, edition_of, named


def connect(settings: Settings, shapes: Shapes) -> Server:
    """The server that `settings.store` names; its API key comes from the environment only."""
    return Server(_client(settings), Layout.of(settings), shapes)


def is_there(settings: Settings) -> bool:
    """Whether the server has a store of that name."""
    client, layout = _client(settings), Layout.of(settings)
    try:
        return ServerCollection(client, f"{layout.prefix}-documents", layout).is_there()
    finally:
        client.close()


def _client(settings: Settings) -> QdrantClient:
    return QdrantClient(
        url=settings.store,
        api_key=os.environ.get(KEY),
        timeout=max(1, int(settings.server_seconds)),
        check_compatibility=False,
    )


class Server:
    """The `Index` on a Qdrant server. `shapes`: of a new store's vectors."""

    def __init__(self, client: QdrantClient, layout: Layout, shapes: Shapes) -> None:
        self._client, self._layout = client, layout
        self.documents = self._collection("documents")
        self.documents.ensure({}, ())
        self.edition = edition_of(self.documents.retrieve([STORE_ID]))
        self.text, self.images = self.panels(self.edition, shapes)

    def panels(self, edition: int, shapes: Shapes) -> tuple[ServerCollection, ServerCollection]:
        made = {name: self._collection(named(name, edition)) for name in ("text", "images")}
        for name, collection in made.items():
            held = {vector: shapes[vector] for vector in VECTORS[name] if vector in shapes}
            collection.ensure(held, TEXT_INDEXES[name])
        return made["text"], made["images"]

    def drop(self, edition: int) -> bool:
        removed = [self._collection(named(name, edition)).remove() for name in ("text", "images")]
        return any(removed)

    def _collection(self, name: str) -> ServerCollection:
        return ServerCollection(self._client, f"{self._layout.prefix}-{name}", self._layout)

    def held(self) -> AbstractContextManager[object]:
        return nullcontext()

    def exclusive(self, document: str) -> AbstractContextManager[object]:
        """Among all machines, by a lease in the register."""
        return leased(self.documents, document)

    def check_room(self) -> None:
        """Nothing to do: a server looks after its own disk."""

    def optimize(self) -> None:
        """Nothing to do: a server indexes by itself."""

    def close(self) -> None:
        self._client.close()
