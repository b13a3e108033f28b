"""A package outside Diptych that adds encoders through entry points."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

MODULE = """
import numpy as np
from diptych.encoders.encoder import Encoder

class Colours(Encoder):
    name = "colours"
    size = 3

    def encode_texts(self, texts, *, query=False):
        counts = [[text.lower().count(colour) + 0.01 for colour in ("red", "green", "blue")] for text in texts]
        return np.array([row / np.linalg.norm(row) for row in counts], np.float32).reshape(-1, 3)

def load(variant, settings, meter):
    encoder = Colours()
    encoder.name = f"tuned:{variant}"
    return encoder

def fail(variant, settings, meter):
    raise ImportError("no module named torch")
"""


def install_plugin(folder: Path, monkeypatch: pytest.MonkeyPatch, entry_points: str) -> None:
    """Install the distribution `colour-encoders` with these entry points in `folder`, and put it on the path."""
    metadata = folder / "colour_encoders-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "colour_encoders.py").write_text(MODULE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: colour-encoders\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[diptych.encoders]\n{entry_points}\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "colour_encoders", raising=False)
    importlib.invalidate_caches()
