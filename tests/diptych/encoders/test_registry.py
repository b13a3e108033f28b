"""Encoders of other packages are found through entry points, and broken ones are reported in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from diptych import Diptych
from diptych.encoders.minilm import MiniLM
from diptych.encoders.registry import find_plugins, load_encoder
from diptych.errors import ModelError
from diptych.settings import Settings
from tests.support.encoder_plugin import install_plugin

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    return partial(install_plugin, tmp_path / "site", monkeypatch)


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
        ("torn = colour_encoders:Absent", "torn", r"cannot be imported \(AttributeError"),
        ("torn = absent_module:load", "torn", r"cannot be imported \(ModuleNotFoundError"),
        ("torn = builtins:dict", "torn", "returned dict, which is not a diptych Encoder"),
        ("colours = colour_encoders:Colours", "colours:warm", "it has no variants"),
        ("colours = colour_encoders:Colours", "colors", "no encoder is called `colors`; known: minilm, .*, colours"),
    ],
)
def test_unusable_plugin_is_one_clear_error(install: Install, entry_point: str, name: str, message: str) -> None:
    install(entry_point)
    with pytest.raises(ModelError, match=message) as error:
        load_encoder(name, Settings())
    assert "\n" not in str(error.value)


def test_local_models_report_nothing_to_anybody(tmp_path: Path) -> None:
    script = "from diptych import Settings\nfrom diptych.encoders.registry import load_encoder\nimport onnxruntime"
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": "", "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", script], env=home, check=True)
    assert not list(tmp_path.rglob("*"))  # ONNX Runtime would have written the name under which it reports
