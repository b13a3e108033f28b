"""How collections are stored on a server, and the aliases by which other programs read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qdrant_client import QdrantClient, models

from diptych import Diptych, Settings
from diptych.errors import SettingsError, StoreError, StoreMismatch
from diptych.store.open import open_store as open_chosen_store
from diptych.store.server.options import ServerOptions
from diptych.store.server.store import ServerStore
from diptych.store.types import Point, RankedListRequest, VectorShape, text_shapes
from tests.support.stores import URL, open_store

SCALAR = models.ScalarQuantization(scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True))


def options(**chosen: Any) -> ServerOptions:
    return ServerOptions("lib", 60, **chosen)


def params(**vector: Any) -> models.CollectionParams:
    stored = models.VectorParams(size=3, distance=models.Distance.COSINE, **vector)
    return models.CollectionParams(vectors={"dense": stored}, on_disk_payload=True)


def test_only_what_a_setting_changes_is_updated() -> None:
    kept = params(quantization_config=SCALAR, on_disk=True)
    assert options().changes(kept) == {}
    assert options(quantization="scalar", vectors_on_disk=True, payload_on_disk=True).changes(kept) == {}
    removed = options(quantization="none", vectors_on_disk=False, payload_on_disk=False).changes(kept)
    diff = models.VectorParamsDiff(quantization_config=models.Disabled.DISABLED, on_disk=False)
    assert removed["vectors_config"] == {"dense": diff}
    assert removed["collection_params"].on_disk_payload is False
    (turbo,) = options(quantization="turbo").changes(kept)["vectors_config"].values()
    assert isinstance(turbo.quantization_config, models.TurboQuantization)


def test_the_next_edition_keeps_what_the_settings_leave_open() -> None:
    stored = params(quantization_config=SCALAR, on_disk=True)
    kept = options().inherit(stored)
    assert (kept.quantization, kept.vectors_on_disk, kept.payload_on_disk) == ("scalar", True, True)
    chosen = options(quantization="none", payload_on_disk=False).inherit(stored)
    assert (chosen.quantization, chosen.vectors_on_disk, chosen.payload_on_disk) == ("none", True, False)


def test_hits_of_quantised_vectors_are_rescored_unless_that_is_switched_off() -> None:
    def quantization(**settings: Any) -> models.QuantizationSearchParams | None:
        return ServerOptions.of(Settings(**settings)).search_params().quantization

    assert quantization(oversampling=3) == models.QuantizationSearchParams(rescore=True, oversampling=3)
    assert quantization(rescore=False) == models.QuantizationSearchParams(rescore=False)


@pytest.mark.parametrize("setting", [{"quantization": "turbo"}, {"vectors_on_disk": True}, {"payload_on_disk": True}])
def test_embedded_stores_refuse_settings_for_servers(tmp_path: Path, setting: dict[str, Any]) -> None:
    chosen = Settings(store=str(tmp_path / "store"), **setting)
    with pytest.raises(SettingsError, match="is for a Qdrant server; unset it"):
        open_chosen_store(chosen, lambda: text_shapes(3))
    assert not (tmp_path / "store").exists()


def test_type_of_vectors_changes_with_a_reindex(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    (tmp_path / "a.csv").write_text("id,text\n1,a red pump\n")
    with Diptych.open(Settings(store=store)) as library:
        library.ingest([tmp_path / "a.csv"])
    wanted = Settings(store=store, vectors="float16")
    with Diptych.open(wanted) as library:
        with pytest.raises(StoreMismatch, match=r"as float32, but the setting `vectors` asks for float16.*reindex"):
            library.search("pump")
        assert library.maintenance.reindex() == 0
        assert [hit.page for hit in library.search("pump")] == [1]
    with Diptych.open(Settings(store=store)) as library:
        library.maintenance.reindex()  # keeps the type
        assert {shape.half for shape in library._runtime.store().shapes.values()} == {True}


@pytest.fixture
def client() -> Iterator[QdrantClient]:
    opened = QdrantClient(":memory:")
    yield opened
    opened.close()


def aliases(client: QdrantClient) -> dict[str, str]:
    return {one.alias_name: one.collection_name for one in client.get_aliases().aliases}


def test_aliases_follow_the_edition_and_never_go_back(client: QdrantClient) -> None:
    store = ServerStore(client, options(aliases=""), text_shapes(3))
    assert aliases(client) == {"text": "lib-text", "images": "lib-images"}
    store.open_edition(2, text_shapes(3))
    store.publish(2)
    assert aliases(client) == {"text": "lib-text-2", "images": "lib-images-2"}
    store.publish(1)
    assert aliases(client) == {"text": "lib-text-2", "images": "lib-images-2"}


def test_aliases_of_a_killed_run_are_repaired_when_the_store_is_opened(client: QdrantClient) -> None:
    ServerStore(client, options(aliases="lib_"), text_shapes(3))
    client.update_collection_aliases(
        [models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name="lib_text"))]
    )
    ServerStore(client, options(aliases="lib_"), text_shapes(3))
    assert aliases(client) == {"lib_text": "lib-text", "lib_images": "lib-images"}


def test_aliases_of_another_store_are_not_taken(client: QdrantClient) -> None:
    ServerStore(client, options(aliases=""), text_shapes(3))
    ServerStore(client, replace(options(aliases=""), prefix="other"), text_shapes(3))
    assert aliases(client) == {"text": "lib-text", "images": "lib-images"}
    ServerStore(client, options(aliases="lib_"), text_shapes(3))
    with pytest.raises(StoreError, match=r"`lib_text` cannot be set.*to the collection lib-text.*DIPTYCH_ALIASES"):
        ServerStore(client, replace(options(aliases="lib_"), prefix="third"), text_shapes(3))


@pytest.mark.skipif(not URL, reason="DIPTYCH_TEST_QDRANT_URL is not set")
def test_a_server_applies_changed_settings_in_place(tmp_path: Path) -> None:
    store = open_store("server", tmp_path, {"dense": VectorShape(8), "description": VectorShape(8)})
    assert isinstance(store, ServerStore)
    store.text.upsert([Point("00000000-0000-0000-0000-000000000001", {}, {})])
    for chosen in ("scalar", "binary", "turbo", "none"):
        changed = replace(store._options, quantization=chosen, oversampling=2, vectors_on_disk=chosen == "turbo")
        opened = ServerStore(store._client, changed, {})
        assert opened.text.search([RankedListRequest(1, "dense", vector=np.ones(8, np.float32))]) == [[]]
        assert changed.changes(opened._client.get_collection(opened.text.name).config.params) == {}
    store.drop_edition(1)
    store.documents.drop()
    store.close()
