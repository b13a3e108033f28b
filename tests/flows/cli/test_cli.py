"""The command line: help, exit codes, output for scripts and for people, interruption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
import psutil
import pytest

from flows.cli.main import COMMANDS, diptych, run
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.command_line import error_line, json_lines
from tests.support.papers import write_leaflet

COMMAND = [sys.executable, "-m", "flows.cli.main"]
MODELS = (
    "prefect",
    "openai",
    "anthropic",
    "onnx",
    "safetensors",
    "fastembed",
    "httpx",
    "genai_prices",
    "mcp",
    "fastapi",
)
READERS = (
    "pymupdf",
    "PIL",
    "pptx",
    "openpyxl",
    "lxml",
    "diptych.pipeline.discovery.sources",
    "diptych.answering.answer",
)
ENGINES = ("onnxruntime", "tokenizers", "snowballstemmer", "diptych.search.search")
OWN = ("diptych.answering", "diptych.evaluation", "diptych.captioners.captioner", "diptych.pipeline.ingest")
STARTED_LATER = ("psutil", "extractors.sandbox", "diptych.search.query.date_phrases")
NOT_IMPORTED = {
    "--help": (*MODELS, *READERS, *ENGINES, "numpy", "qdrant_edge", "pydantic", "rich", "asyncio", "psutil"),
    "status --json --store {store}": (
        *MODELS,
        *READERS,
        *ENGINES,
        *OWN,
        *STARTED_LATER,
        "numpy",
        "pathspec",
        "rich",
        "extractors.layout.labels",
    ),
    "query pump --json --store {store}": (
        *MODELS,
        *READERS,
        *OWN,
        "diptych.pipeline.pipeline",
        "psutil",
        "extractors.sandbox",
    ),
    "extract --json {library}/leaflet.pdf": (*MODELS, *ENGINES, *OWN, "qdrant_edge", "pymupdf", "PIL"),
}
"""Command -> modules that it must not import, because they would delay its start."""
HIT = {
    "rank", "modality", "kind", "source", "document", "page", "bbox", "text", "caption", "image", "score", "ranks",
    "fields",
}  # fmt: skip


@pytest.fixture(scope="module")
def store(library: Path) -> str:
    place = str(library / ".store-of-commands")
    assert run(["ingest", str(library), "--store", place]) == 0
    return place


@pytest.mark.parametrize("command", NOT_IMPORTED)
def test_commands_import_nothing_that_they_do_not_need(command: str, store: str, library: Path) -> None:
    arguments = command.format(store=store, library=library).split()
    script = (
        f"import sys; from flows.cli.main import run; code = run({arguments!r}); "
        f"sys.exit(code or ' '.join(set(sys.modules) & {set(NOT_IMPORTED[command])!r}) or None)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_command_has_help_and_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(__file__).parents[3]
    documentation = "".join((root / name).read_text() for name in ("README.md", "docs/operations.md"))
    for name, (_, short_help) in COMMANDS.items():
        command = diptych.get_command(click.Context(diptych), name)
        assert command
        assert command.help
        assert command.name == name
        assert short_help.endswith(".")
        assert len([one for one in command.params if isinstance(one, click.Option) and not one.hidden]) <= 12
        assert f"diptych {name}" in documentation
        assert run([name, "--help"]) == 0
    assert capsys.readouterr().err == ""


def test_wrong_usage_exits_with_2(store: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text("{}")
    for arguments in (
        ["query"],
        ["query", "pump", "--limit", "0"],
        ["query", "--batch", str(questions)],
        ["query", "pump", "--batch", str(questions), "--json"],
        ["query", "--image", "nowhere.png"],
        ["ingest"],
        ["ingest", "here", "--pages", "0"],
        ["ingest", "here", "--pages", "5-2"],
        ["status", "--store", ""],
        ["delete"],
        ["export"],
        ["backfill", "here", "--since", "yesterday"],
        ["up", "--port", "99999"],
        ["paint"],
        [],
    ):
        assert run(arguments) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_ingest_processes_only_changed_documents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    write_leaflet(folder / "a.pdf")
    write_leaflet(folder / "b.pdf", pages=3)
    assert run(["ingest", str(folder), "--json", "--store", "s"]) == 0
    first = capsys.readouterr()
    assert {(line["name"], line["status"], line["pages"]) for line in json_lines(first.out)} == {
        ("papers/a.pdf", "complete", 2),
        ("papers/b.pdf", "complete", 3),
    }
    assert "2 documents: 2 complete; 5 pages" in first.err
    assert run(["ingest", str(folder), "--json", "--store", "s"]) == 0
    second = capsys.readouterr()
    assert {line["status"] for line in json_lines(second.out)} == {"unchanged"}
    assert second.err == "nothing changed: 2 documents as before\n"
    write_leaflet(folder / "b.pdf", pages=4)
    assert run(["ingest", str(folder), "--store", "s"]) == 0
    third = capsys.readouterr()
    assert third.out == ""
    assert "2 documents: 1 complete, 1 unchanged; 4 pages" in third.err


def test_broken_document_is_reported_and_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    write_leaflet(folder / "good.pdf")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    for _ in range(2):  # the second time nothing changed, but it is still missing
        assert run(["ingest", str(folder), "--store", "s"]) == 4
        assert "broken.pdf" in capsys.readouterr().err
    assert run(["status", "--json", "--store", "s"]) == 0
    records = {line["name"]: line for line in json_lines(capsys.readouterr().out)}
    assert records["papers/good.pdf"]["status"] == "complete"
    assert records["papers/broken.pdf"]["status"] == "failed"
    assert "broken.pdf" in records["papers/broken.pdf"]["error"]


def test_status_prints_a_summary(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--store", store]) == 0
    printed = capsys.readouterr()
    assert "leaflet.pdf" in printed.out
    assert "4 documents (4 complete)" in printed.out
    assert printed.err == ""


def test_missing_and_empty_paths_are_reported_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    for command in ("ingest", "extract"):
        assert "nowhere.pdf" in error_line(capsys, command, "nowhere.pdf")
        assert "empty" in error_line(capsys, command, "empty")
    assert not (tmp_path / ".diptych").exists()


def test_unknown_file_type_is_reported_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "song.mp3").write_bytes(b"ID3")
    for command in ("ingest", "extract"):
        assert "song.mp3" in error_line(capsys, command, "song.mp3")


def test_missing_and_invalid_stores_are_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "garbage" / "text").mkdir(parents=True)
    (tmp_path / "garbage" / "text" / "edge_config.json").write_text("{")
    for place in ("nowhere", "file", "garbage"):
        for command in (
            ["query", "pump"],
            ["status"],
            ["sweep"],
            ["reindex"],
            ["retry"],
            ["delete", "x"],
            ["export", "x"],
        ):
            assert place in error_line(capsys, *command, "--store", place)
    assert not (tmp_path / "nowhere").exists()


def test_wrong_setting_is_reported_in_one_line(
    library: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DIPTYCH_DPI", "twelve")
    assert "DIPTYCH_DPI" in error_line(capsys, "ingest", str(library))


def test_json_hits_have_the_documented_keys(store: str, library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["query", "green valve", "--json", "--store", store, "--limit", "5"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    hits = json_lines(printed.out)
    assert [hit["rank"] for hit in hits] == list(range(1, len(hits) + 1))
    assert 1 < len(hits) <= 5
    assert all(set(hit) >= HIT for hit in hits)
    assert {hit["modality"] for hit in hits} == {"text", "image"}
    figure = next(hit for hit in hits if hit["kind"] == "figure")
    assert (figure["document"], figure["page"]) == ("leaflet.pdf", 1)
    assert figure["source"] == str(library / "leaflet.pdf")
    assert figure["caption"] == "Figure 1: The green valve beside the pump."
    assert Path(figure["image"]).is_file()
    assert all(rank >= 1 for rank in figure["ranks"].values())


def test_printed_hits_show_their_ranks(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["query", "green valve", "--store", store]) == 0
    table = capsys.readouterr().out
    for expected in ("leaflet.pdf", "image: figure", "text.dense", "images.description", "Figure 1"):
        assert expected in table


def test_where_filters_hits(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    where = 'price < 200 and category = "jackets"'
    assert run(["query", "something to wear", "--where", where, "--json", "--store", store]) == 0
    hits = json_lines(capsys.readouterr().out)
    assert hits
    assert {hit["document"] for hit in hits} == {"products.csv#1"}
    assert hits[0]["fields"]["price"] == 129.5
    assert "column 9" in error_line(capsys, "query", "x", "--where", "price < ", "--store", store)


def test_batch_answers_every_question_in_order(
    store: str, library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = [
        {"id": "a", "text": "when is the bearing greased"},
        {"id": 7, "text": "boots", "where": {"document": "products.csv#2"}},
        {"id": None, "text": "boots", "where": "price > 1000"},
        {"id": "seen", "image": str(library / "poster.png")},
    ]
    batch = tmp_path / "questions.jsonl"
    batch.write_text("\n\n".join(json.dumps(question) for question in questions))
    assert run(["query", "--batch", str(batch), "--json", "--limit", "3", "--store", store]) == 0
    answers = json_lines(capsys.readouterr().out)
    assert [answer["id"] for answer in answers] == ["a", 7, None, "seen"]
    assert answers[0]["hits"][0]["document"] == "leaflet.pdf"
    assert {hit["document"] for hit in answers[1]["hits"]} == {"products.csv#2"}
    assert answers[2]["hits"] == []
    assert len(answers[3]["hits"]) == 3


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"text": "no id"}', '{"id": 1}', '{"id": 1, "text": 5}', '{"id": 1, "text": "x", "where": "a <"}',
     '{"id": 1, "text": "x", "where": {"a": {}}}', '{"id": 1, "image": "nowhere.png"}'],
)  # fmt: skip
def test_malformed_line_of_a_batch_is_named(
    line: str, store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = tmp_path / "questions.jsonl"
    batch.write_text('{"id": 0, "text": "fine"}\n' + line + "\n")
    assert "line 2" in error_line(capsys, "query", "--batch", str(batch), "--json", "--store", store)


def test_doctor_lists_its_checks(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["doctor", "--json"])
    checks = json_lines(capsys.readouterr().out)
    assert len(checks) > 3
    assert all({"name", "state", "what", "cost", "mend"} <= set(check) for check in checks)
    assert code == int(any(check["state"] == "broken" for check in checks))


def test_closed_pipe_prints_no_error(library: Path) -> None:
    command = [*COMMAND, "extract", str(library / "leaflet.pdf"), "--json"]
    with running_command(command, stdout=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait() == 1


def test_interrupt_stops_all_processes_and_keeps_finished_documents(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    write_leaflet(folder / "a.pdf")
    (folder / "endless.wait").write_text("never read to its end")
    environment = os.environ | {"PYTHONPATH": str(install_endless_format(tmp_path / "site"))}
    with running_command([*COMMAND, "ingest", str(folder), "--store", "s"], env=environment) as running:
        assert running.stderr
        assert running.stderr.readline().startswith("complete   papers/a.pdf")
        children = psutil.Process(running.pid).children(recursive=True)
        assert children
        running.send_signal(signal.SIGINT)
        *_, last_line = running.stderr.read().splitlines()
        assert running.wait() == 130
    assert last_line == "diptych: interrupted; finished documents are kept, and the next run continues from there"
    assert psutil.wait_procs(children)[1] == []
    assert run(["status", "--json", "--store", "s"]) == 0
    (line,) = json_lines(capsys.readouterr().out)
    assert (line["name"], line["status"]) == ("papers/a.pdf", "complete")


@pytest.mark.parametrize("command", ["estimate", "extract"])
def test_interrupt_does_not_wait_for_the_extraction_under_way(command: str, tmp_path: Path) -> None:
    (tmp_path / "endless.wait").write_text("never read to its end")
    environment = os.environ | {"PYTHONPATH": str(install_endless_format(tmp_path / "site"))}
    with running_command([*COMMAND, command, str(tmp_path / "endless.wait")], env=environment) as running:
        wait_until_open(tmp_path / "endless.wait", running.pid)
        running.send_signal(signal.SIGINT)
        assert running.wait() == 130


def wait_until_open(file: Path, pid: int) -> None:
    """Wait until a process below `pid` has opened the file."""
    while True:
        for child in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if any(one.path == str(file) for one in child.open_files()):
                    return
        time.sleep(0.05)


def install_endless_format(site: Path) -> Path:
    """A package with an extractor for .wait files that never ends; returns the folder to put on the path."""
    metadata = site / "endless-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: endless\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[diptych.extractors]\nendless = endless:FORMAT\n")
    (site / "endless.py").write_text(
        "import time\n"
        "from extractors.formats import Format\n"
        "FORMAT = Format(('.wait',), 'endless', 'text/plain')\n"
        "def extract(source, options, pictures):\n"
        "    kept_open = open(source.path)\n"
        "    while True:\n"
        "        time.sleep(0.1)\n"
    )
    return site


@contextmanager
def running_command(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A program whose stderr is captured, and which does not outlive the test."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options) as running:
        try:
            yield running
        finally:
            running.kill()
