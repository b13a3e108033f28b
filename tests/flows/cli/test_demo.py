"""`make demo` on a fresh folder: without a server, over the sample documents."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(900)
def test_demo_ingests_searches_and_shows_where_the_pictures_are(tmp_path: Path) -> None:
    environment = os.environ | {"PREFECT_API_URL": "http://127.0.0.1:9/api", "COLUMNS": "200"}  # ignored by the demo
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli.demo"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=800,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("doctor: ")
    for name in ("manual.pdf", "scan.pdf", "deck.pptx", "products.csv#1"):
        assert re.search(rf"^complete   \S*/{re.escape(name)}: ", done.stderr, re.MULTILINE)
    for found in ("image: figure", "image: table", "image: photo", "text.dense 1", "images.description 1", " yes "):
        assert found in done.stdout
    assert done.stdout.splitlines()[-1] == "The pictures are in .diptych/pictures"
    assert done.stderr.splitlines()[-1].endswith("/bin/diptych serve --store .diptych")
    assert any((tmp_path / ".diptych" / "pictures").glob("*/*.png"))
