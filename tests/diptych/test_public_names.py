"""The public names of the package: what `dir(diptych)` shows is what library users need, and nothing else."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

import diptych
from diptych import errors


def test_dir_shows_the_public_names_and_all_of_them_load() -> None:
    assert dir(diptych) == sorted(diptych.__all__)
    assert all(getattr(diptych, name) for name in diptych.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nobody'"):
        _ = diptych.nobody


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(diptych.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen | {"__version__"} == set(diptych.__all__)


def test_every_error_is_public() -> None:
    assert set(errors.__all__) <= set(diptych.__all__)


def own_classes(hint: Any) -> set[type]:
    """Our classes that a type hint names, such as `Results` and `Hit` in `list[Results[Hit]]`."""
    inner = {one for part in get_args(hint) for one in own_classes(part)}
    named = get_origin(hint) or hint
    ours = inspect.isclass(named) and named.__module__.startswith("diptych")
    return inner | ({named} if ours else set())


def returned_types(public: type) -> set[type]:
    # Some types are imported for type checkers only; the package has them under the same names.
    names = vars(sys.modules[public.__module__]) | {name: getattr(diptych, name) for name in diptych.__all__}
    methods = inspect.getmembers(public, inspect.isfunction)
    hints = [eval(method.__annotations__["return"], names) for name, method in methods if not name.startswith("_")]
    return {kind for hint in hints for kind in own_classes(hint)}


@pytest.mark.parametrize("public", [diptych.Diptych, diptych.AsyncDiptych])
def test_every_type_a_public_method_returns_is_public(public: type) -> None:
    returned = {kind.__name__ for kind in returned_types(public)}
    assert "Hit" in returned
    assert returned - set(diptych.__all__) == set()


def test_diptych_has_about_a_dozen_methods() -> None:
    methods = {name for name, _ in inspect.getmembers(diptych.Diptych, inspect.isfunction) if not name.startswith("_")}
    assert methods == {
        "ask",
        "close",
        "delete",
        "documents",
        "estimate",
        "evaluate",
        "find_document",
        "ingest",
        "interpret",
        "like",
        "page_image",
        "parts",
        "picture",
        "search",
        "search_groups",
        "search_many",
        "store_query_image",
    }


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, diptych; print(*{'numpy', 'pydantic', 'qdrant_edge', 'prefect', 'pymupdf'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
