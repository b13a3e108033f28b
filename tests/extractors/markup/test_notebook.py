"""Jupyter notebooks."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from extractors.errors import ExtractionError
from extractors.markup import notebook
from extractors.markup.extractor import extract
from extractors.types import Extraction, Options, Source


def png() -> str:
    file = BytesIO()
    Image.effect_noise((90, 90), 60).convert("RGB").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def extract_cells(folder: Path, *cells: dict[str, Any], **more: Any) -> Extraction:
    path = folder / "a.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, **more}))
    return extract(Source(path, path.as_uri(), path.name, "0", "x"), Options(ocr="off"), folder / "pictures")


def test_notebook_has_text_code_and_outputs_under_its_headings(tmp_path: Path) -> None:
    table = "<table><tr><th>Pump</th><th>kW</th></tr><tr><td>P1</td><td>28</td></tr></table>"
    extraction = extract_cells(
        tmp_path,
        {"cell_type": "markdown", "source": ["# Heat loss\n", "Of two pumps."]},
        {"cell_type": "markdown", "source": "## Measured"},
        code("load('x')", {"output_type": "stream", "text": ["\x1b[31mread\x1b[0m 2 rows\n"]}),
        code("show()", {"output_type": "execute_result", "data": {"text/html": table, "text/plain": "   Pump"}}),
        code(
            "plot()", {"output_type": "display_data", "data": {"image/png": png(), "text/plain": "<Figure size 6x4>"}}
        ),
        code("fail()", {"output_type": "error", "ename": "ValueError", "evalue": "no data", "traceback": ["..."]}),
    )
    assert extraction.title == "Heat loss"
    text = "\n".join(one.text for one in extraction.passages if one.kind == "text")
    assert all(one in text for one in ("Of two pumps.", "load('x')", "read 2 rows", "ValueError: no data"))
    assert "Figure" not in text
    assert "\x1b" not in text
    (found,) = (one for one in extraction.passages if one.kind == "table")
    assert (found.heading[-1], found.text.splitlines()[-1]) == ("Measured", "| P1 | 28 |")
    assert [picture.heading[-1] for picture in extraction.pictures] == ["Measured"]


def test_attached_and_drawn_images_are_read(tmp_path: Path) -> None:
    svg = "<svg xmlns='http://www.w3.org/2000/svg' width='90' height='90'><text y='9'>Pump</text></svg>"
    attachments = {"a.png": {"image/png": png()}}
    extraction = extract_cells(
        tmp_path,
        {"cell_type": "markdown", "source": "![The pump](attachment:a.png)", "attachments": attachments},
        code("draw()", {"output_type": "display_data", "data": {"image/svg+xml": svg}}),
    )
    assert [(one.caption, one.words) for one in extraction.pictures] == [("The pump", ""), ("", "Pump")]


def test_long_output_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "MAX_OUTPUT_LENGTH", 20)
    extraction = extract_cells(tmp_path, code("run()", {"output_type": "stream", "text": "begin " + "x" * 99 + " end"}))
    assert "end" not in extraction.passages[0].text
    assert extraction.report.notes == ("of outputs with more than 20 characters, only the beginning was read",)


def test_older_notebook_is_read(tmp_path: Path) -> None:
    cells = [{"cell_type": "heading", "level": 1, "source": "Old"}, {"cell_type": "code", "input": "print(1)"}]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}))
    extraction = extract(Source(path, path.as_uri(), path.name, "0", "x"), Options(), tmp_path)
    assert (extraction.title, extraction.passages[-1].text.splitlines()[-1]) == ("Old", "print(1)")


@pytest.mark.parametrize("content", ["{", "[]", '{"cells": [1]}', '{"worksheets": 3}'])
def test_other_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.ipynb").write_text(content)
    with pytest.raises(ExtractionError, match=r"a\.ipynb: is no Jupyter notebook"):
        notebook.read_notebook(tmp_path / "a.ipynb", "a.ipynb")
