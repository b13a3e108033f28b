"""Whoever imports Diptych gets its types."""

from __future__ import annotations

from pathlib import Path

import pytest

import diptych
import extractors


@pytest.mark.parametrize("package", [diptych, extractors])
def test_a_package_is_marked_as_typed(package: object) -> None:
    """Without this file a type checker takes everything that is imported for Any."""
    file = getattr(package, "__file__", "")
    assert (Path(file).parent / "py.typed").is_file()
