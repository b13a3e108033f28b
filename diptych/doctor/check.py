"""The result of one check of this machine."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "missing", "broken"]

TIMEOUT = 2.0
"""Seconds that a program or server has to answer."""


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    state: State
    """`missing` limits what works; with `broken`, Diptych does not work as configured."""
    what: str
    """The version, or what is wrong."""
    cost: str = ""
    """What does not work; empty if everything does."""
    fix: str = ""
    """The exact command that fixes it; empty if nothing needs fixing."""


def installed_version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
