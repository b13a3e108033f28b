"""The report of an evaluation in a narrow browser window."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from diptych.evaluation.report import write_report
from diptych.search.search import SearchContext
from tests.support.evaluations import context as context
from tests.support.evaluations import evaluated

MEASURE = """<script>
const lines = cell => { const range = document.createRange(); range.selectNodeContents(cell);
  return new Set([...range.getClientRects()].map(box => Math.round(box.top))).size };
const arms = [...document.querySelectorAll("table")][0].querySelectorAll("td:first-child");
document.title = JSON.stringify([Math.max(...[...arms].map(lines)),
  document.documentElement.scrollWidth - document.documentElement.clientWidth]);
</script></body>"""


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_names_are_not_broken_and_nothing_overflows_a_narrow_window(context: SearchContext, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    write_report(evaluated(context), context, page)
    text = re.sub(
        '<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text()
    )  # it forbids the measuring script
    page.write_text(text.replace("</body>", MEASURE))
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
         "--window-size=390,800", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert "<title>[1,0]</title>" in done.stdout  # names on one line, no horizontal scrolling
