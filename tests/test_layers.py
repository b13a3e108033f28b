"""Imports run one way between the folders of the source tree, and each library is imported in one place only."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

LAYERS = (
    # extractors: a file in, its parts out
    "extractors.errors",
    "extractors.types",
    "extractors.table_grid",
    "extractors.structure",
    "extractors.scripts",
    "extractors.addresses",
    "extractors.page_range",
    "extractors.progress",
    "extractors.shared_programs",
    "extractors.readers",
    "extractors.formats",
    "extractors.geometry",
    "extractors.atomic_write",
    "extractors.temporary_folder",
    "extractors.timing",
    "extractors.containers",
    "extractors.office_xml",
    "extractors.page",
    "extractors.pictures",
    "extractors.ocr",
    "extractors.layout",
    "extractors.layout.scans",
    "extractors.layout.tables",
    "extractors.layout.figures",
    "extractors.text",
    "extractors.pdf",
    "extractors.photos",
    "extractors.blocks",
    "extractors.markup",
    "extractors.slides",
    "extractors.sheets",
    "extractors.mail",
    "extractors.members",
    "extractors.word",
    "extractors.catalog",
    "extractors.contact_sheet",
    "extractors.sandbox",
    "extractors",
    # diptych: gives the parts meaning and stores them
    "diptych.vectors",
    "diptych.errors",
    "diptych.printable",
    "diptych.prices",
    "diptych.endpoints",
    "diptych.setting_names",
    "diptych.object_store",
    "diptych.picture_store",
    "diptych.places",
    "diptych.storage_settings",
    "diptych.settings",
    "diptych.where",
    "diptych.shared_limits",
    "diptych.memory",
    "diptych.models",
    "diptych.models.openai",
    "diptych.models.anthropic",
    "diptych.encoders",
    "diptych.captioners",
    "diptych.rerankers",
    "diptych.store",
    "diptych.store.embedded",
    "diptych.store.server",
    "diptych.store.open",
    "diptych.search.query",
    "diptych.search.ranking",
    "diptych.search",
    "diptych.pipeline.discovery",
    "diptych.pipeline.transfer",
    "diptych.pipeline",
    "diptych.pipeline.batch",
    "diptych.answering",
    "diptych.evaluation",
    "diptych.doctor",
    "diptych.library",
    "diptych.serve",
    "diptych.serve.api",
    "diptych.serve.page",
    "diptych.serve.mcp",
    "diptych.serve.guard",
    "diptych.serve.app",
    "diptych.serve.server",
    "diptych.adapters",
    "diptych",
    # flows: everything that runs
    "flows.output",
    "flows.deployment",
    "flows.runs",
    "flows",
    "flows.cli",
)
"""From the ground up: a folder, or a module that stands alone in its folder, imports only what is above it here."""

HOMES = {
    "prefect": ("flows/",),
    "prefect_dask": ("flows/runs/runners.py",),
    "prefect_ray": ("flows/runs/runners.py",),
    "qdrant_edge": ("diptych/store/embedded/",),
    "qdrant_client": ("diptych/store/server/",),
    "pymupdf": ("extractors/", "data/"),
    "fitz": (),
    "pdf2image": ("extractors/",),
    "pptx": ("extractors/", "data/"),
    "pathspec": ("diptych/pipeline/discovery/selection.py", "diptych/places/roots.py"),
    "fastembed": (
        "diptych/encoders/fastembed.py",
        "diptych/encoders/late_interaction.py",
        "diptych/rerankers/fastembed.py",
    ),
    "fsspec": ("diptych/object_store.py",),
    "huggingface_hub": ("diptych/encoders/model_files.py",),
    "openai": ("diptych/models/openai/",),
    "anthropic": ("diptych/models/anthropic/",),
    "fastapi": ("diptych/serve/",),
    "starlette": ("diptych/serve/",),
    "uvicorn": ("diptych/serve/",),
    "prometheus_client": ("diptych/serve/",),
    "mcp": ("diptych/serve/mcp/server.py", "diptych/serve/mcp/tools.py"),
    "langchain_core": ("diptych/adapters/langchain.py",),
    "llama_index": ("diptych/adapters/llama_index.py",),
}
"""Library -> the only places that import it."""


def modules() -> Iterator[Path]:
    for top in ("extractors", "diptych", "flows"):
        yield from sorted((ROOT / top).rglob("*.py"))


def dotted(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


MODULES = {dotted(path): path for path in modules()}


@functools.cache
def imports(path: Path) -> frozenset[str]:
    """Dotted names of everything a file imports, inside functions and for type checking too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names |= {name if (name := f"{module}.{alias.name}") in MODULES else module for alias in node.names}
    return frozenset(names)


def layer(module: str) -> int:
    """Index of the innermost entry of `LAYERS` that holds a module."""
    while module not in LAYERS:
        module = module.rpartition(".")[0]
    return LAYERS.index(module)


def test_imports_run_one_way() -> None:
    used = {module: imports(path) & MODULES.keys() for module, path in MODULES.items()}
    up = {module: {name for name in names if layer(name) > layer(module)} for module, names in used.items()}
    assert {module: names for module, names in up.items() if names} == {}


def test_every_folder_is_a_layer() -> None:
    folders = {dotted(path.parent / "__init__.py") for path in modules()}
    assert folders - set(LAYERS) == set()
    assert [name for name in LAYERS if name not in MODULES] == []


def test_no_modules_import_each_other() -> None:
    """Not in a cycle of any length, not inside a function, not for types."""
    used = {name: imports(path) & MODULES.keys() - {name} for name, path in MODULES.items()}
    reached: dict[str, set[str]] = {}
    for name in used:
        reached[name], ahead = set(), list(used[name])
        while ahead:
            if (one := ahead.pop()) not in reached[name]:
                reached[name].add(one)
                ahead += used.get(one, ())
    assert {name for name, further in reached.items() if name in further} == set()


def test_a_library_is_imported_in_one_place() -> None:
    uses = {
        (library, str(path.relative_to(ROOT)))
        for path in MODULES.values()
        for library in {name.split(".")[0] for name in imports(path)} & HOMES.keys()
    }
    assert {(library, user) for library, user in uses if not user.startswith(HOMES[library])} == set()


def test_modules_stay_small() -> None:
    long = {str(path.relative_to(ROOT)): n for path in modules() if (n := len(path.read_text().splitlines())) > 300}
    assert long == {}


def test_no_flow_shadows_a_standard_module() -> None:
    """Prefect puts the folder of a deployed flow first on the path, where `secrets` would be ours for everybody."""
    names = {path.stem for path in (ROOT / "flows").iterdir()}
    assert names & sys.stdlib_module_names == set()
