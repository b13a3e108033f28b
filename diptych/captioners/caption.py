"""Captions that a vision model writes, so that a picture is found by what it shows; none is paid twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from extractors.types import Extraction, Problem


@dataclass(frozen=True, slots=True)
class ModelCaption:
    """What a vision model says of a picture, kept apart from the document's own words."""

    text: str = ""
    """Empty: it was not asked, or gave nothing."""
    model: str = ""
    """As the settings write it: `openai:gpt-…`."""
    skipped: str = ""
    """Why the picture was not sent (`logo`, `blank`, `rule` …), or why there is no answer."""


@dataclass(frozen=True, slots=True)
class Captions:
    """Of one document."""

    captions: tuple[ModelCaption, ...]
    """One a picture, in the extraction's order."""
    problems: tuple[Problem, ...] = ()
    """Pictures that may get a caption another time."""


class Captioner(Protocol):
    """Thread-safe."""

    fingerprint: str
    """Changes whenever the same picture would be asked about otherwise: model, prompt, size."""

    def caption(self, extraction: Extraction, pictures: Path) -> Captions:
        """A caption for every picture worth one; `pictures`: folder of the picture store.

        Raises `BudgetReached`, and `ModelError` for what concerns every picture (no key, no such model).
        """
        ...

    def missing(self, extraction: Extraction, pictures: Path) -> Sequence[int]:
        """Which pictures, by their place in the extraction, `caption` would ask the model about."""
        ...
