"""The shipped table of prices."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources

from diptych.prices import Price


@functools.cache
def price_list() -> Mapping[str, Price]:
    """Our own table."""
    rows = tomllib.loads(resources.files("diptych.models").joinpath("prices.toml").read_text(encoding="utf-8"))
    return {name: Price(**{**row, "read": row["read"].isoformat()}) for name, row in rows.items()}
