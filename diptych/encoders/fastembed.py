"""Models that fastembed runs on ONNX Runtime on this machine: `fastembed:MODEL`, and both halves of the `clip` pairs.

This module adds what fastembed leaves to its caller: the prompts that models expect before queries and passages,
opening and converting images, and vectors of unit length.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from diptych.encoders.local import Lazy, LocalEncoder, choose_device, replace_surrogates
from diptych.encoders.model_files import ModelFiles
from diptych.encoders.prompts import Prompts, find_prompts
from diptych.errors import ModelError
from diptych.models.meter import Meter
from diptych.settings import Device, Settings
from diptych.vectors import Vector, Vectors
from extractors.errors import ExtractionError
from extractors.pictures.decode import normalise_image, open_image
from extractors.text.passages import token_counter

if TYPE_CHECKING:
    from PIL import Image

FORMAT = 1
"""Part of the fingerprint: raise it when the same files give other vectors."""
MAX_ASPECT = 16
"""Longer side over shorter side. Only the middle of a longer image is encoded: models scale the shorter side to a fixed
size, so the longer one could take gigabytes."""
QUERY_ONLY = "qdrant/constella-"
"""Start of the names of models that encode queries for another model's passages."""
LOWER_CASE = "SiglipOnnxTextEmbedding"
"""Runner of models trained on lower-case text whose published tokenizer files do not lower it."""
EXPORTED = {"clip": ("CLIPOnnxEmbedding", "OnnxImageEmbedding", "projection_dim", "text_embeds", "image_embeds")}
EXPORTED |= dict.fromkeys(
    ("siglip", "siglip2"), (LOWER_CASE, "SiglipOnnxImageEmbedding", "hidden_size", "pooler_output", "pooler_output")
)
"""Type of an exported pair -> runners of its texts and images, key of its dimensions in config.json, and the outputs
of both graphs that are the vectors."""
SIGLIP_SIZE = 768
"""Dimensions of SigLIP base, whose config.json leaves them out."""
POOLING = {
    "mean_tokens": "PooledEmbedding",
    "cls_token": "OnnxTextEmbedding",
    "lasttoken": "LastTokenNormalizedEmbedding",
}
"""How sentence-transformers call a way of pooling -> the runner that does it."""
WHOLE_GRAPH, POOLING_FILE, PROMPTS_FILE = (
    "onnx/model.onnx",
    "1_Pooling/config.json",
    "config_sentence_transformers.json",
)
"""Of a text model, as sentence-transformers lay out its repository."""
TEXT_GRAPH, IMAGE_GRAPH = "onnx/text_model.onnx", "onnx/vision_model.onnx"
"""Of an exported pair, as Hugging Face's exporters write them."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model as fastembed lists it."""

    name: str
    size: int
    runner: str
    """Name of the class that runs it, which determines how token vectors are pooled."""
    reads_images: bool
    """It encodes images, not texts."""
    licence: str
    files: ModelFiles
    output: str = ""
    """Output of the graph that is the vector, of a pair that fastembed does not list."""
    own_prompts: Prompts | None = None
    """Those in the repository of a model that fastembed does not list."""

    @property
    def prompts(self) -> Prompts:
        return self.own_prompts or find_prompts(self.name)

    @property
    def is_listed(self) -> bool:
        return not self.output and self.own_prompts is None


class FastEmbed(LocalEncoder):
    """A text model, optionally with an image model of the same space.

    Nothing is loaded before it is first used. The fingerprint needs the model's files, and downloads missing ones.
    """

    def __init__(self, name: str, texts: Model, images: Model | None = None, *, device: Device = "auto") -> None:
        super().__init__()
        self.name, self.size, self.device = name, texts.size, device
        self.models = [texts, *([images] if images else [])]
        self.reads_images = images is not None
        self._fingerprint = Lazy(self._compute_fingerprint)
        self._sessions = [Lazy(partial(_open_session, model, device)) for model in self.models]

    @property
    def fingerprint(self) -> str:
        return self._fingerprint.get()

    @property
    def tokenizer(self) -> Path | None:
        """None until the model's files are there."""
        folder = self.models[0].files.find_folder()
        return folder / "tokenizer.json" if folder else None

    @property
    def max_tokens(self) -> int | None:
        """What the model reads of a passage beside its prompt; None until the model's files are there."""
        if not (file := self.tokenizer):
            return None
        try:
            config = json.loads(file.with_name("tokenizer_config.json").read_bytes())
        except (OSError, ValueError):  # static models read texts of any length
            return None
        limits = [config.get(name) for name in ("model_max_length", "max_length")]
        limit = min((one for one in limits if isinstance(one, int) and one > 0), default=None)
        prompt = self.models[0].prompts.passage
        return limit and limit - sum(token_counter(file)([prompt]))

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """As `Encoder.encode_texts`; zeros for a text without any known word."""
        model, session = self.models[0], self._sessions[0].get()
        prompt = model.prompts[0 if query else 1]
        lower = model.runner == LOWER_CASE
        embed = session.query_embed if query else session.passage_embed

        def encode(text: str) -> Vector:
            text = replace_surrogates(prompt + text)
            return _normalise(embed([text.lower() if lower else text]), model)

        return self._encode_each(texts, encode)

    def encode_images(self, images: Sequence[Path]) -> Vectors:
        if not self.reads_images:
            return super().encode_images(images)
        model, session = self.models[1], self._sessions[1].get()

        def encode(file: Path) -> Vector:
            try:
                image = load_image(file)
            except (ExtractionError, OSError):
                return np.zeros(self.size, np.float32)
            return _normalise(session.embed([image]), model)

        return self._encode_each(images, encode)

    def _compute_fingerprint(self) -> str:
        models = ([model.name, model.runner, model.prompts, model.files.digest()] for model in self.models)
        parts = [FORMAT, *models]
        return f"{self.models[0].name}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"


def load(variant: str, settings: Settings, meter: Meter) -> FastEmbed:
    """`variant` is the name of a text model as fastembed lists it, or the repository of one exported to ONNX."""
    if variant.lower().startswith(QUERY_ONLY):
        raise ModelError(f"encoder fastembed: {variant} encodes only queries, not passages; choose another model")
    return FastEmbed(f"fastembed:{variant}", find_model(variant, settings), device=settings.device)


def find_model(name: str, settings: Settings, *, reads_images: bool = False) -> Model:
    """The text or image model of this name. Raises `ModelError` if fastembed does not list it."""
    from fastembed import ImageEmbedding, TextEmbedding

    runners = (ImageEmbedding if reads_images else TextEmbedding).EMBEDDINGS_REGISTRY
    listed = {entry.model.lower(): (entry, runner) for runner in runners for entry in runner._list_supported_models()}
    if name.lower() not in listed and "/" in name and not reads_images:
        return find_text_export(name, settings)
    if name.lower() not in listed:
        known = ", ".join(sorted(entry.model for entry, _ in listed.values()))
        raise ModelError(f"encoder fastembed: no model is called `{name}`; known: {known}")
    entry, runner = listed[name.lower()]
    configuration = ("preprocessor_config.json",) if reads_images else ("tokenizer.json", "tokenizer_config.json")
    if entry.model_file.endswith(".safetensors"):
        configuration = ("tokenizer.json",)
    names = (entry.model_file, *entry.additional_files, *configuration)
    megabytes = round(1000 * (entry.size_in_GB or 0))
    files = ModelFiles(str(entry.sources.hf), names, megabytes, settings.models, settings.cache)
    return Model(entry.model, int(entry.dim or 0), runner.__name__, reads_images, entry.license, files)


def find_export(repository: str, settings: Settings) -> tuple[Model, Model]:
    """The text model and the image model of a CLIP or SigLIP that was exported to ONNX, in one repository.

    Reads, and if necessary downloads, its config.json. Raises `ModelError` if it is of another type.
    """
    names = (TEXT_GRAPH, IMAGE_GRAPH, "tokenizer.json", "tokenizer_config.json", "preprocessor_config.json")
    files = ModelFiles(repository, names, 0, settings.models, settings.cache)
    config = files.read_json("config.json")
    kind = str(config.get("model_type"))
    if kind not in EXPORTED:
        raise ModelError(f"encoder clip: {repository} is a model of type {kind}; use one of: {', '.join(EXPORTED)}")
    texts, images, key, *outputs = EXPORTED[kind]
    size = config.get(key) or config.get("text_config", {}).get(key) or SIGLIP_SIZE
    made = [
        Model(repository, int(size), runner, reads_images, "see its page", replace(files, names=ordered), output)
        for reads_images, runner, output, ordered in (
            (False, texts, outputs[0], names),
            (True, images, outputs[1], (IMAGE_GRAPH, TEXT_GRAPH, *names[2:])),
        )
    ]
    return made[0], made[1]


def find_text_export(repository: str, settings: Settings) -> Model:
    """A text model that fastembed does not list, in a repository of sentence-transformers with an export to ONNX.

    The repository states pooling, prompts and limits. Reads, and if necessary downloads, its small files.
    Raises `ModelError` if the repository or its pooling is unknown.
    """
    files = ModelFiles(
        repository, (WHOLE_GRAPH, "tokenizer.json", "tokenizer_config.json"), 0, settings.models, settings.cache
    )
    pooling = files.read_json(POOLING_FILE)
    runner = next((runner for mode, runner in POOLING.items() if pooling.get(f"pooling_mode_{mode}")), None)
    if not runner:
        raise ModelError(f"encoder fastembed: {repository} pools in a way that is not one of: {', '.join(POOLING)}")
    written = files.read_json(PROMPTS_FILE, {}).get("prompts") or {}
    own = Prompts(written.get("query", ""), written.get("document") or written.get("passage", ""))
    prompts = own if any(own) else find_prompts(repository)
    size = int(pooling["word_embedding_dimension"])
    return Model(repository, size, runner, False, "see its page", files, own_prompts=prompts)


def load_image(file: Path) -> Image.Image:
    """The image upright and in RGB, cropped to its middle if it is very long. Raises `ExtractionError`, `OSError`."""
    with open_image(file, file.name, stored=True) as opened:
        image = normalise_image(opened).convert("RGB")
    width, height = min(image.width, MAX_ASPECT * image.height), min(image.height, MAX_ASPECT * image.width)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _normalise(vectors: Iterable[NDArray[Any]], model: Model) -> Vector:
    """The first vector at unit length; zeros stay zeros."""
    vector = np.asarray(next(iter(vectors)), np.float32)
    if vector.shape != (model.size,) or not np.isfinite(vector).all():
        raise ModelError(
            f"{model.files.find_folder()}: the model does not return vectors of {model.size} finite numbers, so these "
            f"are not the weights of {model.name}; copy them again"
        )
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length else vector


def _open_session(model: Model, device: Device) -> Any:
    from fastembed import ImageEmbedding, TextEmbedding

    cuda = choose_device(device) == "cuda"
    embedding: Any = ImageEmbedding if model.reads_images else TextEmbedding
    if not model.is_listed:
        embedding = _exported_runner(model, embedding.EMBEDDINGS_REGISTRY)
    # Static models are tables without a graph, and warn of options.
    options = {} if model.runner == "StaticTextEmbedding" else {"threads": 1, "cuda": cuda}
    with model.files.loaded() as folder:
        # Without a path of its own, fastembed would wait 40 s for an unreachable hub.
        return embedding(model.name, str(model.files.cache), specific_model_path=str(folder), **options)


def _exported_runner(model: Model, runners: Iterable[Any]) -> Any:
    """The runner of the model's type, for this model, which fastembed does not list."""
    from fastembed.common.model_description import DenseModelDescription, ModelSource

    runner = next(runner for runner in runners if runner.__name__ == model.runner)
    listed = DenseModelDescription(
        model=model.name,
        dim=model.size,
        description="",
        license=model.licence,
        size_in_GB=0.0,
        sources=ModelSource(hf=model.files.repository),
        model_file=model.files.names[0],
    )
    fields = {
        "_list_supported_models": classmethod(lambda cls: [listed]),
        "ONNX_OUTPUT_NAMES": [model.output] if model.output else None,
    }
    return type(model.runner, (runner,), fields)
