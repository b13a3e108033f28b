"""Type checkers see the types of the package."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import diptych
import extractors
from diptych import settings


@pytest.mark.parametrize("package", [diptych, extractors])
def test_a_package_is_marked_as_typed(package: object) -> None:
    """Without py.typed a type checker treats every import as Any."""
    file = getattr(package, "__file__", "")
    assert (Path(file).parent / "py.typed").is_file()


def test_every_setting_has_a_default_that_type_checkers_see() -> None:
    """A default given by position is invisible without pydantic's plugin; `Settings(store=…)` would lack arguments."""
    tree = ast.parse(Path(settings.__file__).read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Field"]
    assert len(calls) > 30
    assert [ast.unparse(call) for call in calls if call.args] == []
