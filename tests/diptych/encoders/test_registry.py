"""Encoders of other packages are found through entry points, and broken ones are reported in one sentence."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from diptych import Diptych
from diptych.encoders.minilm import MiniLM
from diptych.encoders.registry import find_plugins, load_encoder
from diptych.errors import ModelError
from diptych.settings import Settings

COLOURS = """
import numpy as np
from diptych.encoders.encoder import Encoder

class Colours(Encoder):
    name = "colours"
    size = 3

    def encode_texts(self, texts, *, query=False):
        counts = [[text.lower().count(colour) + 0.01 for colour in ("red", "green", "blue")] for text in texts]
        return np.array([row / np.linalg.norm(row) for row in counts], np.float32).reshape(-1, 3)

def load(variant, settings, meter):
    encoder = Colours()
    encoder.name = f"tuned:{variant}"
    return encoder

def fail(variant, settings, meter):
    raise ImportError("no module named torch")
"""

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package `colour-encoders` with these entry points, in a folder on the path."""
    folder = tmp_path / "site"

    def write_package(entry_points: str) -> None:
        metadata = folder / "colour_encoders-1.0.dist-info"
        metadata.mkdir(parents=True)
        (folder / "colour_encoders.py").write_text(COLOURS)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: colour-encoders\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[diptych.encoders]\n{entry_points}\n")
        monkeypatch.syspath_prepend(str(folder))
        importlib.invalidate_caches()

    yield write_package
    sys.modules.pop("colour_encoders", None)


def test_store_is_ingested_and_searched_with_a_plugin(install: Install, tmp_path: Path) -> None:
    install("colours = colour_encoders:Colours")
    (tmp_path / "paint.jsonl").write_text(
        '{"title": "Barn", "text": "a red barn, red as rust"}\n'
        '{"title": "Sea", "text": "the blue sea and a blue sky"}\n'
    )
    settings = Settings(store=str(tmp_path / "store"), cache=tmp_path / "cache", encoder="colours", workers=1)
    with Diptych.open(settings) as diptych:
        diptych.ingest([tmp_path / "paint.jsonl"])
        hit = diptych.search("blue blue blue")[0]
    assert "sea" in hit.text
    assert hit.ranks["text.dense"] == 1


def test_minimal_encoder_has_defaults(install: Install) -> None:
    install("colours = colour_encoders:Colours")
    encoder = load_encoder("colours", Settings())
    assert (encoder.name, encoder.size, encoder.fingerprint) == ("colours", 3, "colours")
    assert (encoder.reads_images, encoder.half, encoder.paid, encoder.tokenizer) == (False, False, "", None)
    with pytest.raises(ModelError, match="colours reads no images"):
        encoder.encode_images([])


def test_entry_point_may_be_a_function_with_variants(install: Install) -> None:
    install("tuned = colour_encoders:load")
    assert load_encoder("tuned:warm", Settings()).name == "tuned:warm"


def test_built_in_encoder_cannot_be_replaced(install: Install) -> None:
    install("minilm = colour_encoders:Colours")
    assert isinstance(load_encoder("minilm", Settings()), MiniLM)
    assert find_plugins() == {}


def test_broken_plugin_does_not_affect_other_encoders(install: Install) -> None:
    install("torn = colour_encoders:fail")
    assert load_encoder("minilm", Settings()).size == 384


@pytest.mark.parametrize(
    ("entry_point", "name", "message"),
    [
        (
            "torn = colour_encoders:fail",
            "torn",
            r"colour-encoders cannot be loaded \(ImportError: no module",
        ),
        ("torn = colour_encoders:Absent", "torn", r"cannot be loaded \(AttributeError"),
        ("torn = absent_module:load", "torn", r"cannot be loaded \(ModuleNotFoundError"),
        ("torn = builtins:dict", "torn", "returned dict, not a diptych Encoder"),
        ("colours = colour_encoders:Colours", "colours:warm", "it has no variants"),
        ("colours = colour_encoders:Colours", "colors", "no encoder is called `colors`; known: minilm, .*, colours"),
    ],
)
def test_unusable_plugin_is_one_clear_error(install: Install, entry_point: str, name: str, message: str) -> None:
    install(entry_point)
    with pytest.raises(ModelError, match=message) as error:
        load_encoder(name, Settings())
    assert "\n" not in str(error.value)
