"""A library that answers within milliseconds: scripted extractions, an encoder of eight words, real picture files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diptych import Diptych, Settings
from diptych.library.runtime import Runtime
from diptych.models.vision import VisionModel
from diptych.store.spaces import Spaces
from extractors.types import Extraction, Passage, Picture
from tests.support.fakes import ScriptedSandbox, WordEncoder, document
from tests.support.papers import write_leaflet
from tests.support.scripted_vision import chart, stored

MANUAL = "manual.pdf"


def manual(pictures: Path) -> Extraction:
    """Two pages about a pump: three passages, a table, and a figure that a passage mentions."""
    image, pumps = stored(chart(1), pictures), ("Pumps",)
    sentence = "The red pump runs at two speeds, see Figure 1."
    caption = "Figure 1: A chart of the red pump."
    table = "| pump | price |\n| red | 12 |"
    return document(
        Passage(sentence, 1, (40, 40, 380, 80), pumps, mentions=("figure 1",)),
        Passage(table, 2, (40, 40, 380, 120), (*pumps, "Prices"), "table", "table 1", "Table 1: Prices."),
        Passage("Close the green valve before the filter is cleaned.", 2, (40, 140, 380, 180), ("Valves",)),
        pictures=(Picture("figure", 1, image, (50, 100, 250, 250), "figure 1", caption, "rpm", (sentence,), pumps),),
    )


def notes(text: str = "The blue cat sleeps on the pump.") -> Extraction:
    return document(Passage(text, 1, (40, 40, 380, 80)))


class OneScriptPerFile(ScriptedSandbox):
    """Documents are found by their file's name, so that tests need no names below a root."""

    def extract(self, source: Any, options: Any, pictures: Path, *, seconds: float = 0) -> Extraction:
        script = self.scripts[source.path.name]
        assert isinstance(script, Extraction)
        return replace(script, source=source)


@contextmanager
def scripted_library(
    folder: Path,
    documents: Mapping[str, Extraction] | None = None,
    answerer: VisionModel | None = None,
    **settings: Any,
) -> Iterator[Diptych]:
    """A store in `folder` with `manual.pdf`, a real file of two pages, and `notes.pdf`, or with other `documents`."""
    sandbox, files = OneScriptPerFile(), folder / "files"
    files.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runtime, "spaces", Spaces(WordEncoder()))
        patch.setattr(Runtime, "workers", lambda self: sandbox)
        if answerer:
            patch.setattr(Runtime, "answerer", answerer)
        with Diptych.open(Settings(store=str(folder / "store"), root=files, workers=1, **settings)) as library:
            scripts = documents or {MANUAL: manual(library.pictures), "notes.pdf": notes()}
            for name, extraction in scripts.items():
                sandbox.scripts[name] = extraction
                write_leaflet(files / name)
            library.ingest([files])
            yield library
        sandbox.close()


def readme_block(beginning: str) -> str:
    """The Python block of the README that begins with these words."""
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"```python\n({re.escape(beginning)}.*?)```", text, re.S)
    return str(block)
