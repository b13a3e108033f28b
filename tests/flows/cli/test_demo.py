"""`make demo` on a fresh folder: without a server, over the sample documents."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli.demo import QUESTION_IDS
from tests.support.papers import write_leaflet
from tests.support.prefect_server import copy_database

OTHER_DOCUMENTS = """
import sys
from pathlib import Path
from flows.cli import demo
demo.DATA = Path(sys.argv[1])
sys.exit(demo.run_demo())
"""


def run_demo(folder: Path, *arguments: str) -> tuple[str, str]:
    """Stdout and stderr of a demo in an empty folder."""
    environment = os.environ | {"PREFECT_API_URL": "http://127.0.0.1:9/api", "COLUMNS": "200"}  # ignored by the demo
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=800
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("doctor: ")
    assert done.stdout.splitlines()[-1] == "The pictures are in .diptych/pictures"
    assert done.stderr.splitlines()[-1].endswith("/bin/diptych serve --store .diptych")
    assert any((folder / ".diptych" / "pictures").glob("*/*.png"))
    return done.stdout, done.stderr


def test_demo_ingests_searches_and_shows_where_the_pictures_are(prefect_server_home: Path, tmp_path: Path) -> None:
    data, work = tmp_path / "data", tmp_path / "work"
    data.mkdir()
    copy_database(prefect_server_home, work / ".diptych" / "prefect")
    write_leaflet(data / "leaflet.pdf")
    question = {"id": QUESTION_IDS[0], "text": "What shows the green valve?", "document": "leaflet.pdf", "pages": [1]}
    (data / "questions.jsonl").write_text(json.dumps(question))
    found, progress = run_demo(work, "-c", OTHER_DOCUMENTS, str(data))
    assert re.search(r"^complete   \S*/leaflet.pdf: ", progress, re.MULTILINE)
    for part in ("What shows the green valve?", "image: figure", "images.description 1", " yes "):
        assert part in found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_demo_over_the_sample_documents(tmp_path: Path) -> None:
    found, progress = run_demo(tmp_path, "-m", "flows.cli.demo")
    for name in ("manual.pdf", "scan.pdf", "deck.pptx", "products.csv#1"):
        assert re.search(rf"^complete   \S*/{re.escape(name)}: ", progress, re.MULTILINE)
    for part in ("image: figure", "image: table", "image: photo", "text.dense 1", "images.description 1", " yes "):
        assert part in found
