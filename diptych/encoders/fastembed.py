"""Models that fastembed runs on ONNX Runtime, on this machine: `fastembed:MODEL`, and both sides of the `clip` pairs.

What fastembed leaves to its caller is done here: the words that a model wants before a question or a passage, opening
and converting pictures, unit length.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from diptych.encoders.encoder import Encoder
from diptych.encoders.minilm import usable_cores
from diptych.encoders.model_files import Weights
from diptych.errors import ModelError
from diptych.models.meter import Meter
from diptych.settings import Settings
from diptych.vectors import Vectors
from extractors.errors import ExtractionError
from extractors.pictures.decode import normalise_image, open_image

if TYPE_CHECKING:
    from PIL import Image

Item = TypeVar("Item", str, Path)

FORMAT = 1
"""Raised whenever the same files give other vectors."""
LONGEST = 16
"""Sides to one: of a longer picture the middle is seen. Scaled by its short side it would take gigabytes."""
_WEB = "Given a web search query, retrieve relevant passages that answer the query"
_BGE = "Represent this sentence for searching relevant passages: "
PROMPTS: tuple[tuple[str, str, str], ...] = (
    ("baai/bge-*-en*", _BGE, ""),
    ("baai/bge-*-zh*", "为这个句子生成表示以用于检索相关文章：", ""),
    ("mixedbread-ai/mxbai-embed-*", _BGE, ""),
    ("snowflake/snowflake-arctic-embed-*", _BGE, ""),
    ("nomic-ai/nomic-embed-text-*", "search_query: ", "search_document: "),
    ("intfloat/multilingual-e5-*", "query: ", "passage: "),
    ("google/embeddinggemma-*", "task: search result | query: ", "title: none | text: "),
    ("qwen/qwen3-embedding-*", f"Instruct: {_WEB}\nQuery:", ""),
    ("qdrant/stella-en-*", f"Instruct: {_WEB}.\nQuery: ", ""),
    (
        "jinaai/jina-embeddings-v3",
        "Represent the query for retrieving evidence documents: ",
        "Represent the document for retrieval: ",
    ),
)
"""(model, before a question, before a passage), as the models' authors publish them. fastembed 0.9 adds none of them;
of jina-embeddings-v3 it chooses the adapter."""
QUESTIONS_ONLY = ("qdrant/constella-*",)
"""They encode questions for another model's passages."""
LOWER_CASE = ("google/siglip2-*",)
"""Trained on small letters; the published tokenizer files do not make them."""


@dataclass(frozen=True, slots=True)
class Model:
    """What fastembed says of a model before anything of it is read."""

    name: str
    size: int
    runner: str
    """The class that runs it, which settles how token vectors become one."""
    sees: bool
    """It encodes pictures, not texts."""
    licence: str
    weights: Weights

    @property
    def prompts(self) -> tuple[str, str]:
        """(before a question, before a passage)."""
        matching = (prompts for pattern, *prompts in PROMPTS if fnmatchcase(self.name.lower(), pattern))
        question, passage = next(matching, ("", ""))
        return question, passage

    @property
    def identity(self) -> list[object]:
        """All that its vectors depend on."""
        return [self.name, self.runner, self.prompts, self.weights.digest()]


class FastEmbed(Encoder):
    """An `Encoder`: a model of texts, and with `pictures` its partner in the same space.

    Nothing is read before the first text or picture, or the question for the fingerprint, for which the model's files
    have to be here, and are fetched if need be. A vector depends on its own text or picture alone.
    """

    def __init__(self, name: str, texts: Model, pictures: Model | None = None, *, threads: int | None = None) -> None:
        """`threads` defaults to the cores we may use."""
        self.name, self.size = name, texts.size
        self.models = [texts, *([pictures] if pictures else [])]
        self.reads_images = pictures is not None
        self.threads = threads or usable_cores()
        self._texts, self._pictures = texts, pictures
        self._lock = threading.Lock()
        self._running = threading.BoundedSemaphore(self.threads)

    @property
    def fingerprint(self) -> str:
        with self._lock:
            return self._fingerprint_once

    @property
    def tokenizer(self) -> Path | None:
        """None until the files are here."""
        place = self._texts.weights.place()
        return place / "tokenizer.json" if place else None

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Vectors of unit length, shape (len(texts), size), float32; zeros for a text of which no word is known."""
        session = self._text_session
        prompt = self._texts.prompts[0 if query else 1]
        lower = any(fnmatchcase(self._texts.name.lower(), pattern) for pattern in LOWER_CASE)
        embed = session.query_embed if query else session.passage_embed

        def encode(text: str) -> Vectors:
            # Broken characters (half a surrogate pair) become question marks.
            text = (prompt + text).encode("utf-8", "replace").decode()
            with self._running:  # callers on several threads share the cores
                return self._unit(embed([text.lower() if lower else text]), self._texts)

        return self._all(encode, texts)

    def encode_images(self, images: Sequence[Path]) -> Vectors:
        """Vectors of unit length, shape (len(images), size), float32; zeros for a picture that cannot be opened."""
        if self._pictures is None:
            return super().encode_images(images)
        session, model = self._picture_session, self._pictures

        def encode(file: Path) -> Vectors:
            with self._running:
                try:
                    image = seen(file)
                except (ExtractionError, OSError):  # one of them must not cost the others their vectors
                    return np.zeros(self.size, np.float32)
                return self._unit(session.embed([image]), model)

        return self._all(encode, images)

    def _all(self, encode: Callable[[Item], Vectors], items: Sequence[Item]) -> Vectors:
        """One item a thread, as with MiniLM: batches are padded, and several threads on one item wait in turns."""
        if len(items) < 2 or self.threads == 1:
            rows = [encode(item) for item in items]
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                rows = list(pool.map(encode, items))
        return np.stack(rows) if rows else np.empty((0, self.size), np.float32)

    def _unit(self, vectors: Iterable[NDArray[Any]], model: Model) -> Vectors:
        vector = np.asarray(next(iter(vectors)), np.float32)
        if vector.shape != (model.size,) or not np.isfinite(vector).all():
            raise ModelError(
                f"{model.weights.place()}: gives no vectors of {model.size} finite numbers; these are not the weights "
                f"of {model.name}, copy them again"
            )
        length = float(np.linalg.norm(vector))
        return vector / np.float32(length) if length else vector

    @property
    def _text_session(self) -> Any:
        with self._lock:
            return self._text_session_once

    @property
    def _picture_session(self) -> Any:
        with self._lock:
            return self._picture_session_once

    @cached_property
    def _text_session_once(self) -> Any:
        return _session(self._texts)

    @cached_property
    def _picture_session_once(self) -> Any:
        assert self._pictures is not None
        return _session(self._pictures)

    @cached_property
    def _fingerprint_once(self) -> str:
        parts = [FORMAT, *(model.identity for model in self.models)]
        return f"{self._texts.name}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"


def load(variant: str, settings: Settings, meter: Meter) -> FastEmbed:
    """`variant`: the name of a model of texts as fastembed lists it."""
    if any(fnmatchcase(variant.lower(), pattern) for pattern in QUESTIONS_ONLY):
        raise ModelError(f"encoder fastembed: {variant} encodes questions only, no passages; choose another")
    return FastEmbed(f"fastembed:{variant}", find(variant, settings))


def find(name: str, settings: Settings, *, sees: bool = False) -> Model:
    """The model as fastembed lists it, of pictures or of texts. Raises `ModelError` for one that it does not know."""
    from fastembed import ImageEmbedding, TextEmbedding

    kinds = (ImageEmbedding if sees else TextEmbedding).EMBEDDINGS_REGISTRY
    listed = {one.model.lower(): (one, kind) for kind in kinds for one in kind._list_supported_models()}
    if name.lower() not in listed:
        known = ", ".join(sorted(one.model for one, _ in listed.values()))
        raise ModelError(f"encoder fastembed: no model is called `{name}`; known: {known}")
    one, kind = listed[name.lower()]
    about = ("preprocessor_config.json",) if sees else ("tokenizer.json", "tokenizer_config.json")
    if one.model_file.endswith(".safetensors"):
        about = ("tokenizer.json",)
    files = (one.model_file, *one.additional_files, *about)
    megabytes = round(1000 * (one.size_in_GB or 0))
    weights = Weights(str(one.sources.hf), files, megabytes, settings.models, settings.cache)
    return Model(one.model, int(one.dim or 0), kind.__name__, sees, one.license, weights)


def seen(file: Path) -> Image.Image:
    """A picture as people see it, in RGB. Raises `ExtractionError`, `OSError`."""
    with open_image(file, file.name) as opened:
        image = normalise_image(opened).convert("RGB")
    width, height = image.size
    if max(width, height) <= LONGEST * min(width, height):
        return image
    across, down = min(width, LONGEST * height), min(height, LONGEST * width)
    left, top = (width - across) // 2, (height - down) // 2
    return image.crop((left, top, left + across, top + down))


def _session(model: Model) -> Any:
    from fastembed import ImageEmbedding, TextEmbedding

    folder = model.weights.folder()
    kind = ImageEmbedding if model.sees else TextEmbedding
    threads = None if model.runner == "StaticTextEmbedding" else 1  # it has none, and warns
    try:
        # With a path of its own fastembed looks for nothing; else it would wait 40 s for a hub that is not there.
        return kind(model.name, str(model.weights.cache), threads, specific_model_path=str(folder))
    except Exception as error:  # of ONNX Runtime, tokenizers, JSON: whatever broken files lead to
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{folder}: cannot be loaded ({reason}); copy {model.weights.repository} there again"
        ) from error
