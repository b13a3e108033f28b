"""The house has one direction: flows -> diptych -> extractors. And one home for each library."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("extractors", "diptych", "flows")
HOMES = {
    "prefect": ("flows/",),
    "qdrant_edge": ("diptych/index/",),
    "qdrant_client": ("diptych/index/",),
    "pymupdf": ("extractors/", "data/"),
    "fitz": (),
    "pdf2image": ("extractors/",),
    "pptx": ("extractors/", "data/"),
    "fastembed": ("diptych/encoders/fastembed.py",),
    "huggingface_hub": ("diptych/encoders/weights.py",),
    "openai": ("diptych/providers/",),
    "anthropic": ("diptych/providers/",),
    "matplotlib": ("diptych/evaluation/plots.py",),
}


def modules() -> Iterator[Path]:
    for layer in LAYERS:
        yield from sorted((ROOT / layer).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Dotted names of all that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


def submodules(path: Path) -> set[str]:
    """The same of what is imported by `from`, as far as it may be a module: `from diptych.index import edge` too."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return imports(path) | {f"{node.module}.{alias.name}" for node in nodes for alias in node.names}


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    own = LAYERS.index(path.relative_to(ROOT).parts[0])
    above = {name for name in imports(path) if name.split(".")[0] in LAYERS[own + 1 :]}
    assert not above


def test_no_modules_import_each_other() -> None:
    """Not in a circle of any length, inside a function or for types. A room's door may open what lies inside."""
    found = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in modules()}
    used = {name: submodules(path) & found.keys() for name, path in found.items() if path.stem != "__init__"}
    reached: dict[str, set[str]] = {}
    for name in used:
        reached[name], ahead = set(), list(used[name])
        while ahead:
            if (one := ahead.pop()) not in reached[name]:
                reached[name].add(one)
                ahead += used.get(one, ())
    assert {name for name, further in reached.items() if name in further} == set()


@pytest.mark.parametrize("library", HOMES)
def test_a_library_has_one_home(library: str) -> None:
    users = [
        str(path.relative_to(ROOT)) for path in modules() if library in {name.split(".")[0] for name in imports(path)}
    ]
    assert [user for user in users if not user.startswith(HOMES[library])] == []


def test_no_room_is_crowded() -> None:
    long = {str(path.relative_to(ROOT)): n for path in modules() if (n := len(path.read_text().splitlines())) > 300}
    assert long == {}


def test_no_flow_hides_a_standard_module() -> None:
    """Prefect puts the folder of a deployed flow first on the path, where `secrets` would be ours for everybody."""
    assert {path.stem for path in (ROOT / "flows").glob("*.py")} & sys.stdlib_module_names == set()
