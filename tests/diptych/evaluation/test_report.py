"""The report of an evaluation: one file with hits and plots, and without scripts."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import pytest

from diptych.evaluation import report
from diptych.evaluation.report import write_report
from diptych.search.search import SearchContext
from tests.support.evaluations import context as context
from tests.support.evaluations import evaluated


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, Mapping[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def report_text(context: SearchContext, folder: Path) -> str:
    write_report(evaluated(context), context, folder / "out" / "report.html")
    return (folder / "out" / "report.html").read_text()


def test_hostile_names_cannot_inject_anything(context: SearchContext, tmp_path: Path) -> None:
    text = report_text(context, tmp_path)
    tags = _Tags(text).found
    assert not {"script", "iframe", "object", "link", "i"} & {tag for tag, _ in tags}
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    sources = [attributes["src"] or "" for tag, attributes in tags if tag == "img"]
    assert sources  # the picture of a hit
    assert all(re.match(r"data:image/(png|jpeg);base64,", one) for one in sources)
    assert "default-src 'none'" in text
    assert "&lt;script&gt;" in text
    assert "http://" not in text
    assert "https://" not in text


def test_worst_questions_show_the_wanted_place(context: SearchContext, tmp_path: Path) -> None:
    text = report_text(context, tmp_path)
    worst = text[text.index("The worst questions") :]
    assert worst.count("<article>") == 1
    assert "wanted: b.pdf · page 1" in worst
    assert worst.index("<b>wanted</b>") < worst.index("<b>hit 1</b>")
    assert "A cat sleeps" in worst or "Figure 7" in worst


def test_images_stop_at_their_limit(context: SearchContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MAX_IMAGE_BYTES", 0)
    assert "data:image/png" not in report_text(context, tmp_path)


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_a_browser_shows_the_report_without_running_scripts(context: SearchContext, tmp_path: Path) -> None:
    report_text(context, tmp_path)
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
         "--dump-dom", (tmp_path / "out" / "report.html").as_uri()],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert "<script" not in done.stdout
    assert "onerror" not in re.sub(r"&lt;.*?&gt;", "", done.stdout)
    assert "Which kind of retrieval works" in done.stdout


def test_plots_show_each_measured_arm_and_type(context: SearchContext, tmp_path: Path) -> None:
    by_arm, by_type = re.findall(r"<svg.*?</svg>", report_text(context, tmp_path), flags=re.DOTALL)
    assert ">fused</text>" in by_arm
    assert "&lt;i&gt;figure&lt;/i&gt;</text>" in by_type
    evaluation = evaluated(context)
    assert by_arm.count("<circle") == sum(len(arm.measured) for arm in evaluation.arms)
