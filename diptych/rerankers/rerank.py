"""Rerankers behind an API: Cohere, Voyage, Jina, vLLM and others with `POST /rerank`: `rerank:MODEL`."""

from collections.abc import Sequence

from diptych.endpoints import Rerank
from diptych.errors import SettingsError
from diptych.models.meter import Meter
from diptych.models.openai.tokens import text_tokens
from diptych.prices import Usage
from diptych.rerankers.registry import PageContent, PageImage
from diptych.settings import Settings


class RerankApi:
    """A `Reranker`. Sends the query and the texts of all pages in one request."""

    def __init__(self, model: str, endpoint: Rerank, meter: Meter) -> None:
        self.name, self._model = f"rerank:{model}", model
        self._endpoint, self._meter = endpoint, meter

    def score(self, query: str, pages: Sequence[PageContent]) -> list[float]:
        from diptych.models.openai.rerank import RerankRequest, request_scores  # loads the SDK

        request = RerankRequest(self.name, self._model, query, [page.text for page in pages], self._endpoint)
        # Voyage charges the query for every document.
        tokens = len(pages) * text_tokens(query) + sum(text_tokens(page.text) for page in pages)
        with self._meter.reserve(self.name, Usage(input_tokens=tokens, requests=1)):
            scores, used, units = request_scores(request, tokens)
            self._meter.spend(self.name, Usage(input_tokens=tokens if used is None else used, requests=units))
        return scores


def load(variant: str, settings: Settings, meter: Meter, page_image: PageImage) -> RerankApi:
    """`variant` is the model's name. Raises `SettingsError` without it or an address."""
    if not variant or not settings.rerank.address:
        needed = "an address in the setting `rerank.base_url`" if variant else "a model name: write rerank:MODEL"
        raise SettingsError(f"reranker {f'rerank:{variant}'.rstrip(':')} needs {needed}")
    return RerankApi(variant, settings.rerank, meter)
