"""MiniLM's graphs, each of which takes a second or two to build, for tests that need a cache folder of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

from diptych.encoders.minilm import MiniLM, cache_file, find_package


def copy_graphs(built_models: Path, folder: Path, *precisions: str) -> None:
    """Put the graphs of these precisions into a cache folder."""
    folder.mkdir(exist_ok=True)
    for precision in precisions:
        built = cache_file(built_models, precision)
        if not built.exists():
            MiniLM(find_package(), built_models, precision=precision).encode_texts(["built"])
        shutil.copy(built, folder)
