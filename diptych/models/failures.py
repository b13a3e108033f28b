"""What the failures of all providers have in common: their kinds, how long to wait, and how much of them is told."""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LONGEST = 200
"""Characters of what a server says about its error."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a status means: whether another try may help, and whether any other request would fail alike."""

    what: str
    transient: bool = False
    about: Literal["item", "account"] = "item"


def bounded(line: str) -> str:
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date (RFC 9110)."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    date = email.utils.parsedate_tz(headers.get("retry-after", ""))
    try:
        return max(email.utils.mktime_tz(date) - time.time(), 0.0) if date else None
    except (ValueError, OverflowError):
        return None
