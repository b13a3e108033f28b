"""Rerankers by name: a cross-encoder on this machine, a server with a rerank API, or the answering model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Protocol

from diptych.errors import SettingsError
from diptych.models.meter import Meter
from diptych.settings import Settings

FAMILIES = {
    "fastembed": "fastembed:BAAI/bge-reranker-base",
    "rerank": "rerank:MODEL",
    "answerer": "answerer",
}
"""First part of a reranker's name, which is also its module in this folder -> an example of a full name."""
MAX_CHARACTERS = 2000
"""Of a page's text: about 500 tokens, which most cross-encoders read, and Cohere charges as one document."""
REMEMBERED = 256
"""Queries whose scores are kept, for their next page of hits."""


@dataclass(frozen=True, slots=True)
class PageContent:
    """A page that was found."""

    document_id: str
    page: int
    text: str
    """The parts that were found on it, best first, at most `MAX_CHARACTERS`."""


PageImage = Callable[[PageContent], Path | None]
"""The image file of a page; None if there is none and it cannot be drawn."""


class Reranker(Protocol):
    """Thread-safe. Loads nothing and sends nothing before it is first used."""

    name: str

    def score(self, query: str, pages: Sequence[PageContent]) -> Sequence[float]:
        """One score per page, higher is better; scores of different queries cannot be compared.

        Raises `ModelError`, which includes `ProviderError` and `BudgetReached`.
        """
        ...


class RememberingReranker:
    """A reranker that is not asked twice for the same pages, so that the next page of hits costs nothing."""

    def __init__(self, reranker: Reranker) -> None:
        self.name = reranker.name
        self._score = lru_cache(REMEMBERED)(reranker.score)

    def score(self, query: str, pages: Sequence[PageContent]) -> Sequence[float]:
        return self._score(query, tuple(pages))


def load_reranker(settings: Settings, meter: Meter, page_image: PageImage) -> Reranker | None:
    """The reranker of the setting `reranker`, which remembers its scores; as `make_reranker`."""
    reranker = make_reranker(settings, meter, page_image)
    return reranker and RememberingReranker(reranker)


def make_reranker(settings: Settings, meter: Meter, page_image: PageImage) -> Reranker | None:
    """The reranker of the setting `reranker`; None if it is empty. Raises `SettingsError` for an unknown name."""
    family, _, variant = settings.reranker.partition(":")
    if not family:
        return None
    if family not in FAMILIES:
        known = ", ".join(FAMILIES.values())
        raise SettingsError(f"no reranker is called `{settings.reranker}`; write one of: {known}")
    reranker: Reranker = import_module(f"diptych.rerankers.{family}").load(variant, settings, meter, page_image)
    return reranker
