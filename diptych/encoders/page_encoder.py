"""Page encoders turn images of pages, and queries, into many vectors each (late interaction, as in ColPali).

A page is as similar to a query as the sum, over the query's vectors, of the similarity of the page's nearest vector.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from diptych.errors import SettingsError
from diptych.models.meter import Meter
from diptych.settings import Settings
from diptych.vectors import Vectors

FAMILIES = {"fastembed": "late_interaction", "unified": "pooling_api"}
"""First part of a page encoder's name -> its module here, with `load(variant, settings, meter)`."""


class PageEncoder(ABC):
    """One space of late interaction. Thread-safe. Loads nothing and sends nothing before it is first used."""

    name: str
    size: int
    """Dimensions of each vector."""
    paid: str = ""
    """Model name under which usage is counted and priced; empty: it runs here."""

    @property
    def fingerprint(self) -> str:
        """Identifies the space, as `Encoder.fingerprint`."""
        return f"{self.name}-{self.size}"

    @abstractmethod
    def encode_texts(self, texts: Sequence[str]) -> list[Vectors]:
        """For each query, vectors of unit length, shape (tokens, size), float32."""

    @abstractmethod
    def encode_pages(self, images: Sequence[Path]) -> list[Vectors]:
        """For each image file, vectors of unit length, shape (patches, size), float32; none if it cannot be opened."""


def load_page_encoder(settings: Settings, meter: Meter) -> PageEncoder | None:
    """The encoder of the setting `page_encoder`; None if it is empty.

    `settings`: those of its role. Raises `SettingsError` and `ModelError`.
    """
    family, _, variant = settings.page_encoder.partition(":")
    if not family:
        return None
    if family not in FAMILIES:
        raise SettingsError(
            f"no page encoder is called `{settings.page_encoder}`; write fastembed:Qdrant/colmodernvbert, "
            f"fastembed:Qdrant/colpali-v1.3-fp16 or unified:MODEL"
        )
    encoder: PageEncoder = import_module(f"diptych.encoders.{FAMILIES[family]}").load(variant, settings, meter)
    return encoder
