"""Commands that are recorded as Prefect flow runs: same output and exit code, small parameters, no secrets."""

from __future__ import annotations

import gc
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from diptych.errors import SettingsError
from flows.cli.main import run
from flows.runs.local_prefect import DEFAULTS, MAX_PARAMETERS, run_recorded
from tests.support.anthropic_fixtures import NAME
from tests.support.anthropic_fixtures import only_this_key as only_this_key
from tests.support.anthropic_fixtures import vendor as vendor
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.command_line import error_line
from tests.support.papers import png_bytes, write_leaflet, write_rows

# Prefect leaves a socket to its server open when an event loop ends.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def recorded(prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in DEFAULTS.items():
        monkeypatch.setenv(name, value)
    yield
    gc.collect()  # so that the warning about the socket is raised in this file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A leaflet, two catalogue rows, a broken file, a skipped file, questions, and the store `s`."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "in").mkdir()
    write_leaflet(folder / "in" / "leaflet.pdf")
    write_rows(folder / "in" / "pumps.jsonl", 1, 2)
    (folder / "in" / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    (folder / "in" / "notes.dwg").write_bytes(b"")
    (folder / "photo.png").write_bytes(png_bytes(40, 40))
    (folder / "batch.jsonl").write_text(
        '{"id": 1, "text": "valve"}\n{"id": "b", "text": "pump", "least": {"image": 1}}\n'
    )
    (folder / "questions.jsonl").write_text('{"id": "q", "text": "valve", "document": "leaflet.pdf", "pages": [9]}\n')
    assert run(["ingest", str(folder / "in"), "--store", str(folder / "s")]) == 4
    return folder


def last_run(flow: str) -> FlowRun:
    """The newest run of a flow whose store is `s`; the server records the runs of other tests, too."""
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[flow])), sort=FlowRunSort.START_TIME_DESC
        )
    return next(run for run in runs if run.parameters.get("store") == "s")


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code and stdout of a command, without times."""
    capsys.readouterr()
    code = run(arguments)
    out, messages = capsys.readouterr()
    print(messages, file=sys.stderr)  # shown if the test fails
    if "--json" in arguments and out:
        lines = [json.loads(line) for line in out.splitlines()]
        for line in lines:
            line.pop("seconds", None)
            for arm in line.get("arms", []):
                arm.pop("seconds", None)
        if arguments[0] == "ingest":  # documents end in any order
            lines.sort(key=lambda line: str(line["name"]))
        return code, json.dumps(lines)
    return code, out


@pytest.mark.parametrize(
    ("arguments", "flow", "code"),
    [
        (["query", "green valve", "--limit", "2", "--json"], "query", 0),
        (["query", "green valve", "--limit", "2-3", "--passages", "1", "--pictures", "1+"], "query", 0),
        pytest.param(["query", "qwxz vvkj", "--json"], "query", 0, marks=pytest.mark.slow),
        (["query", "--batch", "batch.jsonl", "--json"], "query", 0),
        (["ingest", "in", "--json"], "ingest", 4),
        (["ingest", "nowhere"], "ingest", 1),
        (["evaluate", "questions.jsonl", "--arms", "fused", "--json", "--gate", "page mrr >= 1"], "evaluate", 5),
        pytest.param(
            ["evaluate", "questions.jsonl", "--arms", "bm25", "--gate", "nonsense"],
            "evaluate",
            1,
            marks=pytest.mark.slow,
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_recorded_command_prints_the_same(
    folder: Path,
    arguments: list[str],
    flow: str,
    code: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    here, there = (printed(capsys, *arguments, "--store", "s", *more) for more in ([], ["--prefect"]))
    assert here == there
    assert there[0] == code
    assert last_run(flow).parameters["store"] == "s"


def test_answer_of_a_recorded_command_is_the_same(
    folder: Path, vendor: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DIPTYCH_ANTHROPIC__BASE_URL", vendor.url)
    question = ("ask", "the valve", "--model", NAME, "--store", "s", "--json")
    assert printed(capsys, *question) == printed(capsys, *question, "--prefect")
    assert last_run("answer").parameters["model"] == NAME


def test_image_on_stdin_and_the_setting(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DIPTYCH_PREFECT", "true")
    found = []
    for more in ([], ["--no-prefect"]):
        stdin = io.TextIOWrapper(io.BytesIO(png_bytes(40, 40)))
        monkeypatch.setattr(sys, "stdin", stdin)
        found.append(printed(capsys, "query", "pump", "--image", "-", "--store", "s", "--json", *more))
    assert found[0] == found[1]
    parameters = last_run("query").parameters
    assert parameters["image"].endswith("image.png")
    assert len(str(parameters)) < 1000


def test_passwords_and_long_parameters_are_not_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    line = error_line(capsys, "query", "pump", "--store", "http://me:secret@127.0.0.1:9", "--prefect")
    assert "store: the address contains a password" in line
    assert "secret" not in line
    with pytest.raises(SettingsError, match="too long to be recorded"):
        run_recorded(None, paths=["x" * MAX_PARAMETERS])  # type: ignore[arg-type]


def test_commands_do_not_import_prefect(folder: Path) -> None:
    commands = [
        ["ingest", "in", "--store", "s"],
        ["query", "valve", "--store", "s", "--json"],
        ["ask", "valve", "--store", "s"],
        ["evaluate", "questions.jsonl", "--arms", "bm25", "--store", "s"],
    ]
    script = (
        "import sys; from flows.cli.main import run\n"
        f"codes = [int(run(command)) for command in {commands!r}]\n"
        "print(codes, 'prefect' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[4, 0, 1, 0] False", done.stderr


def test_deployed_paths_hold_in_any_folder_and_addresses_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("flows.deployment.deploy.deploy", lambda folder, store, paths, limit: [*paths, f"{limit}"])
    assert run(["deploy", "--path", "docs", "--path", "s3://bucket/docs", "--limit", "2"]) == 0
    assert capsys.readouterr().err.splitlines() == [str(tmp_path / "docs"), "s3://bucket/docs", "2"]
