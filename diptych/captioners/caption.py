"""Captions that a vision model writes, kept apart from the document's own words."""

from dataclasses import dataclass

from extractors.types import Problem


@dataclass(frozen=True, slots=True)
class ModelCaption:
    text: str = ""
    """Empty if the model was not asked or said nothing."""
    model: str = ""
    """As in the settings: `openai:gpt-…`."""
    skipped: str = ""
    """Why the picture was not sent (`logo`, `blank`, `rule` …), or why there is no caption (`refused: …` …)."""


@dataclass(frozen=True, slots=True)
class Captions:
    """The captions of one document."""

    captions: tuple[ModelCaption, ...]
    """One for each picture, in the extraction's order."""
    problems: tuple[Problem, ...] = ()
    """Pictures that may get a caption in the next run."""
    unusable: str = ""
    """How many pictures got an answer that cannot be used, and why; only a retry asks for them again, at its price."""
    refused: str = ""
    """How many pictures the model refused, and why; they are not tried again."""
