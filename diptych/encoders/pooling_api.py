"""Page encoders behind a server with vLLM's pooling API, such as ColPali and ColQwen: `unified:MODEL`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diptych.encoders.page_encoder import PageEncoder
from diptych.endpoints import UnifiedEndpoint
from diptych.errors import ExtractionError, SettingsError
from diptych.models.image_input import prepare_image
from diptych.models.meter import Meter
from diptych.models.openai.embeddings import IMAGE_TOKENS, TextInput
from diptych.models.request_queue import run_concurrently
from diptych.prices import Usage
from diptych.settings import Settings
from diptych.vectors import Vectors

MAX_SIDE, MIN_SIDE = 1540, 56
"""Pixels of an image: a page at 140 dpi, as ColQwen reads it; models scale it to what they read."""
INSTRUCTION = "Describe the image."
"""The words beside an image with which these models were trained."""


class PoolingApi(PageEncoder):
    """Sends one request for a batch of texts, and one for every image."""

    def __init__(self, model: str, endpoint: UnifiedEndpoint, meter: Meter) -> None:
        self.name = self.paid = f"unified:{model}"
        self.size = endpoint.dimensions or 0
        self._model, self._endpoint, self._meter = model, endpoint, meter

    def encode_texts(self, texts: Sequence[str]) -> list[Vectors]:
        inputs = [TextInput(text) for text in texts]
        body = {"input": [one.wire() for one in inputs]}
        return self._request(body, sum(one.tokens for one in inputs), len(inputs)) if inputs else []

    def encode_pages(self, images: Sequence[Path]) -> list[Vectors]:
        return run_concurrently(images, self._encode_page, self._endpoint.at_once, "diptych-pages")

    def _encode_page(self, file: Path) -> Vectors:
        try:
            image = prepare_image(file, file.name, MAX_SIDE, MIN_SIDE)
        except (ExtractionError, OSError):
            return np.empty((0, self.size), np.float32)
        content = [
            {"type": "image_url", "image_url": {"url": image.data_address}},
            {"type": "text", "text": INSTRUCTION},
        ]
        return self._request({"messages": [{"role": "user", "content": content}]}, IMAGE_TOKENS, 1)[0]

    def _request(self, body: dict[str, Any], tokens: int, count: int) -> list[Vectors]:
        from diptych.models.openai.embedding_request import request_token_vectors  # loads the SDK

        with self._meter.reserve(self.name, Usage(input_tokens=tokens, requests=1)):
            body = {"model": self._model, **body}
            vectors, used = request_token_vectors(self.name, self._endpoint, body, (count, self.size), tokens)
            self._meter.spend(self.name, Usage(input_tokens=tokens if used is None else used, requests=1))
        return vectors


def load(variant: str, settings: Settings, meter: Meter) -> PoolingApi:
    """`variant` is the model's name. Raises `SettingsError` if a setting is missing."""
    endpoint = settings.unified
    if not (variant and endpoint.address and endpoint.dimensions):
        raise SettingsError(
            f"page encoder unified:{variant} needs a model name, and under [unified.page_encoder] the server's "
            f"`base_url` and the `dimensions` of its vectors"
        )
    return PoolingApi(variant, endpoint, meter)
