"""The precision of MiniLM: the fastest on this machine, but in a store always that of the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from diptych import Diptych, Settings
from diptych.encoders import bert_precision
from diptych.encoders.bert_precision import PRECISIONS, find_fastest_precision
from diptych.encoders.local import LocalEncoder
from diptych.encoders.minilm import MiniLM, find_package
from diptych.errors import StoreMismatch
from diptych.store.register import stored_config
from diptych.vectors import Vector, Vectors
from tests.support.built_models import copy_graphs

TIMES = {
    "with fast products of bytes": ({"fp32": 4.0, "int8": 1.0, "int7": 0.95}, "int8"),
    "without them": ({"fp32": 4.0, "int8": 3.0, "int7": 2.0}, "int7"),
    "with slow products of bytes": ({"fp32": 4.0, "int8": 9.0, "int7": 9.0}, "fp32"),
}


def machine(monkeypatch: pytest.MonkeyPatch, kind: str) -> list[str]:
    """Pretend to run on a machine of this kind; returns a list that grows with each calibration."""
    calibrations: list[str] = []

    def time_precisions() -> dict[str, float]:
        calibrations.append(kind)
        return TIMES[kind][0]

    monkeypatch.setattr(bert_precision, "time_precisions", time_precisions)
    monkeypatch.setattr(bert_precision, "_machine_key", lambda: str(list(TIMES).index(kind)))
    return calibrations


def test_every_precision_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bert_precision, "ROUNDS", 1)
    times = bert_precision.time_precisions()
    assert tuple(times) == PRECISIONS
    assert min(times.values()) > 0


@pytest.mark.parametrize("kind", TIMES)
def test_most_exact_of_the_fastest_precisions_is_chosen(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrations = machine(monkeypatch, kind)
    assert [find_fastest_precision(tmp_path) for _ in range(3)] == [TIMES[kind][1]] * 3
    assert len(calibrations) == 1
    (file,) = tmp_path.iterdir()
    file.write_text(json.dumps({"precision": "fp16"}))
    assert find_fastest_precision(tmp_path) == TIMES[kind][1]
    assert len(calibrations) == 2


def test_other_processor_in_the_same_cache_is_calibrated_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, (_, precision) in TIMES.items():
        machine(monkeypatch, kind)
        assert find_fastest_precision(tmp_path) == precision
    assert len(list(tmp_path.iterdir())) == len(TIMES)


def test_named_precision_is_not_replaced(tmp_path: Path) -> None:
    encoder = MiniLM(find_package(), tmp_path, precision="fp32")
    encoder.adopt("minilm-int8-1-53aa51172d14-256")
    assert encoder.precision == "fp32"


def test_other_fingerprints_are_not_adopted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, "with fast products of bytes")
    encoder = MiniLM(find_package(), tmp_path)
    encoder.adopt("minilm-int8-0-of-another-version")
    assert encoder.precision == "int8"


def test_second_machine_encodes_as_the_store_was_built(
    tmp_path: Path, library: Path, built_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(store=str(tmp_path / "store"), root=library, cache=tmp_path / "cache")
    copy_graphs(built_models, settings.cache, "int8", "int7")
    machine(monkeypatch, "with fast products of bytes")
    with Diptych.open(settings) as first:
        first.ingest([library / "leaflet.pdf"])
        first.maintenance.export_to(tmp_path / "export")
    calibrations = machine(monkeypatch, "without them")
    copied = settings.model_copy(update={"store": str(tmp_path / "copy")})
    with Diptych.open(settings) as second, Diptych.open(copied) as imported:
        assert second.search("pump")[0].document == "leaflet.pdf"
        assert second.maintenance.reindex() == 0  # it encodes nothing, because nothing has changed
        imported.maintenance.import_from(tmp_path / "export")
        for one in (second, imported):
            config = stored_config(one._runtime.existing())
            assert config
            assert config.encoder == "minilm-int8-1-53aa51172d14-256"
    assert calibrations == []
    with Diptych.open(settings.model_copy(update={"encoder": "minilm:int7"})) as explicit:
        with pytest.raises(StoreMismatch, match="diptych reindex"):
            explicit.search("pump")
        assert explicit.maintenance.reindex() > 0
        assert explicit.search("pump")[0].document == "leaflet.pdf"
    with Diptych.open(settings) as second:
        assert second.search("pump")[0].document == "leaflet.pdf"
        assert second._runtime.spaces.text.fingerprint.startswith("minilm-int7-")


def test_identical_texts_are_encoded_once() -> None:
    encoded: list[str] = []

    class Counting(LocalEncoder):
        name, size = "counting", 1

        def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
            def encode(text: str) -> Vector:
                encoded.append(text)
                return np.full(1, len(text), np.float32)

            return self._encode_each(texts, encode)

    assert Counting().encode_texts(["a", "ccc", "a", "bb", "ccc"])[:, 0].tolist() == [1, 3, 1, 2, 3]
    assert sorted(encoded) == ["a", "bb", "ccc"]
