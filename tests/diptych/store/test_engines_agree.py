"""The sample corpus in the embedded engine, in qdrant-client's and on a real server: the same points and hits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from diptych import Diptych, Query, Settings
from diptych.picture_store import PictureStore
from diptych.pipeline.transfer.transfer import import_store
from diptych.search.search import SearchContext, search
from diptych.store.spaces import Spaces
from diptych.store.types import Collection
from tests.support.stores import SERVER, open_store

DATA = Path(__file__).parents[3] / "data"


def points(collection: Collection) -> dict[str, dict[str, object]]:
    return {point.id: point.payload for point in collection.scroll()}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["memory", SERVER])
def test_engines_store_the_same_points_and_return_the_same_hits(tmp_path: Path, engine: str) -> None:
    questions = [json.loads(line)["text"] for line in (DATA / "questions.jsonl").read_text().splitlines()]
    with Diptych.open(Settings(store=str(tmp_path / "store"))) as library:
        library.ingest([DATA])
        library.maintenance.export_to(tmp_path / "export")
        embedded_hits = library.search_many([Query(text, literal=True) for text in questions], 20)
        encoder, index = library._runtime.spaces.text, library._runtime.store()
        server = open_store(engine, tmp_path, encoder.size)
        import_store(tmp_path / "export", server, PictureStore(tmp_path / "pictures"))
        assert points(server.text) == points(index.text)
        assert points(server.images) == points(index.images)
        server_hits = search(
            [Query(text) for text in questions], SearchContext(server, Spaces(encoder), tmp_path / "pictures"), 20
        )
        server.close()
    same = [[hit.id for hit in a] == [hit.id for hit in b] for a, b in zip(embedded_hits, server_hits, strict=True)]
    assert len(same) == 40
    assert all(same)
