"""What a check of this machine finds."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "missing", "broken"]

PATIENCE = 2.0
"""Seconds that a program or a server has to answer."""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `missing` costs something, with `broken` nothing works."""

    name: str
    state: State
    what: str
    """The version, or what is wrong."""
    cost: str = ""
    """What is lost; empty when nothing is."""
    mend: str = ""
    """The exact command; empty when nothing is to be mended."""


def version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
