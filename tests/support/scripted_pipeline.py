"""A pipeline with a real store, scripted extractions and an encoder that counts its calls."""

from __future__ import annotations

from pathlib import Path

from diptych.picture_store import PictureStore
from diptych.pipeline.ingest import Outcome, ingest_document
from diptych.pipeline.pipeline import Pipeline
from diptych.search.hits import Hit
from diptych.search.query.query import Query
from diptych.search.search import SearchContext, search
from diptych.store.spaces import Spaces
from diptych.store.types import Store
from extractors.types import Extraction, Options, Passage, Source
from tests.support.fakes import ScriptedSandbox, WordEncoder, document, figure
from tests.support.stores import open_store

OLD = document(Passage("the red pump", 1), Passage("the green valve", 2), pictures=(figure("Figure 1: a red chart"),))
NEW = document(Passage("the red pump", 1), Passage("the blue valve", 2), pictures=(figure("Figure 1: a blue chart"),))
WHOLE_OLD = {"the red pump", "the green valve", "Figure 1: a red chart"}
WHOLE_NEW = {"the red pump", "the blue valve", "Figure 1: a blue chart"}
"""What a search shows of each version."""
STORED = 5
"""Number of points of OLD or NEW: two passages, a figure, and the text of two pages."""


class ScriptedPipeline:
    def __init__(self, folder: Path, engine: str) -> None:
        self.index: Store = open_store(engine, folder, WordEncoder.size)
        self.engine, self.folder = engine, folder
        self.encoder, self.sandbox = WordEncoder(), ScriptedSandbox()

    @property
    def pipeline(self) -> Pipeline:
        return Pipeline(self.index, Spaces(self.encoder), self.sandbox, Options(), PictureStore(self.folder))

    def ingest(self, source: Source, result: Extraction | Exception) -> Outcome:
        """Ingest a source whose extraction is `result`."""
        self.sandbox.scripts[source.name] = result
        return ingest_document(source, self.pipeline)

    def search(self, query: Query, limit: int = 50) -> list[Hit]:
        return search([query], SearchContext(self.index, Spaces(self.encoder), self.folder), limit)[0]

    def hits(self, text: str = "pump valve chart") -> list[Hit]:
        return self.search(Query(text))

    def seen(self) -> set[str]:
        """Captions and texts of all hits."""
        return {hit.caption or hit.text for hit in self.hits()}

    def stored(self) -> list[tuple[str, str]]:
        """(id, text) of every point, including those that searches ignore."""
        points = [*self.index.text.scroll(), *self.index.images.scroll()]
        return sorted((point.id, str(point.payload.get("indexed", point.payload.get("whole")))) for point in points)
