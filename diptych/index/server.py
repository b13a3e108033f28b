"""The store on a Qdrant server: the same three collections through qdrant-client."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

from qdrant_client import QdrantClient

from diptych.index import STORE_ID, TEXT_INDEXES, VECTORS, edition_of, named
from diptych.index.lease import leased
from diptych.index.remote import KEY, Layout, ServerCollection
from diptych.settings import Settings


def connect(settings: Settings, size: int) -> Server:
    """The server that `settings.store` names; its API key comes from the environment only."""
    client = QdrantClient(
        url=settings.store,
        api_key=os.environ.get(KEY),
        timeout=max(1, int(settings.server_seconds)),
        check_compatibility=False,
    )
    return Server(client, Layout.of(settings), size)


class Server:
    """The `Index` on a Qdrant server. `size`: dimensions of the text encoder."""

    def __init__(self, client: QdrantClient, layout: Layout, size: int) -> None:
        self._client, self._layout = client, layout
        self.documents = self._collection("documents")
        self.documents.ensure("", (), 0)
        self.edition = edition_of(self.documents.retrieve([STORE_ID]))
        self.text, self.images = self.panels(self.edition, size)

    def panels(self, edition: int, size: int) -> tuple[ServerCollection, ServerCollection]:
        text, images = (self._collection(named(name, edition)) for name in ("text", "images"))
        text.ensure(VECTORS["text"], TEXT_INDEXES["text"], size)
        images.ensure(VECTORS["images"], TEXT_INDEXES["images"], size)
        return text, images

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

    def optimize(self) -> None:
        """Nothing to do: a server indexes by itself."""

    def close(self) -> None:
        self._client.close()
