"""Page encoders that fastembed runs on this machine: ColModernVBERT and ColPali."""

import hashlib
import json
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diptych.encoders.fastembed import load_image
from diptych.encoders.local import Lazy, choose_device, replace_surrogates
from diptych.encoders.model_files import ModelFiles
from diptych.encoders.page_encoder import PageEncoder
from diptych.errors import ModelError
from diptych.models.meter import Meter
from diptych.settings import Device, Settings
from diptych.vectors import Vectors, unit_rows
from extractors.errors import ExtractionError

FORMAT = 1
"""Part of the fingerprint: raise it when the same files give other vectors."""


class LateInteraction(PageEncoder):
    """One text or image at a time, on all cores."""

    def __init__(self, model: str, size: int, files: ModelFiles, device: Device) -> None:
        self.name, self.size, self.files = f"fastembed:{model}", size, files
        self._model, self._device = model, device
        self._session = Lazy(self._open_session)
        self._fingerprint = Lazy(self._compute_fingerprint)

    @property
    def fingerprint(self) -> str:
        return self._fingerprint.get()

    def encode_texts(self, texts: Sequence[str]) -> list[Vectors]:
        session = self._session.get()
        return [self._normalise(session.embed_text([replace_surrogates(text)])) for text in texts]

    def encode_pages(self, images: Sequence[Path]) -> list[Vectors]:
        return [self._encode_page(file) for file in images]

    def _encode_page(self, file: Path) -> Vectors:
        try:
            image = load_image(file)
        except (ExtractionError, OSError):
            return np.empty((0, self.size), np.float32)
        return self._normalise(self._session.get().embed_image([image]))

    def _normalise(self, found: Iterable[Any]) -> Vectors:
        vectors = np.asarray(next(iter(found)), np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self.size or not np.isfinite(vectors).all():
            raise ModelError(
                f"{self.files.find_folder()}: the model does not return vectors of {self.size} finite numbers, so "
                f"these are not the weights of {self._model}; copy them again"
            )
        return unit_rows(vectors)

    def _compute_fingerprint(self) -> str:
        parts = json.dumps([FORMAT, self._model, self.files.digest()])
        return f"{self._model}-{hashlib.sha256(parts.encode()).hexdigest()[:16]}"

    def _open_session(self) -> Any:
        from fastembed import LateInteractionMultimodalEmbedding

        cuda = choose_device(self._device) == "cuda"
        with self.files.loaded() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of vectors of earlier files, which have another fingerprint
            return LateInteractionMultimodalEmbedding(
                self._model, str(self.files.cache), cuda=cuda, specific_model_path=str(folder)
            )


def load(variant: str, settings: Settings, meter: Meter) -> LateInteraction:
    """`variant` is the name of a model as fastembed lists it. Raises `ModelError` for another."""
    from fastembed import LateInteractionMultimodalEmbedding

    listed = {entry.model.lower(): entry for entry in LateInteractionMultimodalEmbedding._list_supported_models()}
    entry = listed.get(variant.lower())
    if entry is None:
        known = ", ".join(sorted(one.model for one in listed.values()))
        raise ModelError(f"page encoder fastembed: no model is called `{variant}`; known: {known}")
    configuration = ("tokenizer.json", "tokenizer_config.json", "preprocessor_config.json", "config.json")
    names = (entry.model_file, *entry.additional_files, *configuration)
    megabytes = round(1000 * (entry.size_in_GB or 0))
    files = ModelFiles(str(entry.sources.hf), names, megabytes, settings.models, settings.cache)
    return LateInteraction(entry.model, int(entry.dim or 0), files, settings.device)
