"""Captions that a vision model writes, so that a picture is found by what it shows; none is paid twice."""

from __future__ import annotations

from dataclasses import dataclass

from extractors.types import Problem


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
