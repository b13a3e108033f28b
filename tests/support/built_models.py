"""MiniLM's graphs, each of which takes a second or two to build, for tests that need a cache folder of their own."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from diptych.encoders.minilm import MiniLM, cache_file, find_package

BUILT = Path(tempfile.mkdtemp(prefix="diptych-built-models-"))
"""Shared by all processes of a test run."""
atexit.register(shutil.rmtree, BUILT, ignore_errors=True)


def copy_graphs(folder: Path, *precisions: str) -> None:
    """Put the graphs of these precisions into a cache folder."""
    folder.mkdir(exist_ok=True)
    for precision in precisions:
        built = cache_file(BUILT, precision)
        if not built.exists():
            MiniLM(find_package(), BUILT, precision=precision).encode_texts(["built"])
        shutil.copy(built, folder)
