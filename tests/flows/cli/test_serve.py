"""`diptych serve` as a process: it starts, answers, stops on Ctrl-C, and reports a port that is taken."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from flows.cli.main import run
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.command_line import error_line
from tests.support.papers import write_rows

COMMAND = [sys.executable, "-c", "import sys; from flows.cli.main import main; main(sys.argv[1:])"]


def test_server_starts_answers_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIPTYCH_TOKEN", "0123456789abcdef\n")  # as files of secrets end
    write_rows(tmp_path / "pumps.jsonl", 1)
    assert run(["ingest", "pumps.jsonl", "--store", "store"]) == 0
    command = [*COMMAND, "serve", "--store", "store", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        line = process.stderr.readline()
        address = line.split()[1]
        assert address.startswith("http://127.0.0.1:")
        headers = {"Authorization": "Bearer 0123456789abcdef"}
        request = urllib.request.Request(f"{address}/api/v1/search?q=pump", headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.load(answer)["hits"][0]["document"] == "pumps.jsonl#1"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "stopped\n"
    assert process.returncode == 0


def test_port_that_is_taken_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(tmp_path / "pumps.jsonl", 1)
    assert run(["ingest", "pumps.jsonl", "--store", "store"]) == 0
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = error_line(capsys, "serve", "--store", "store", "--port", str(port))
    reason = "Address already in use"
    assert line == (
        f"diptych: port {port} of 127.0.0.1 cannot be used ({reason}); stop the program that has it, or choose another "
        f"port with --port"
    )


def test_other_addresses_require_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    line = error_line(capsys, "serve", "--host", "0.0.0.0")
    assert line.startswith(
        "diptych: 0.0.0.0 can be reached from other machines, which requires a token: set DIPTYCH_TOKEN"
    )


def test_a_prefix_that_the_server_uses_itself_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    line = error_line(capsys, "serve", "--prefix", "/documents")
    assert line == "diptych: the prefix /documents is an address of the server itself; choose another one"


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ('colur = "red"', "--where: no document has a field colur; there are "),
        ('document = "valves.jsonl"', '--where: no document is called "valves.jsonl"; '),
        ("id = 1", ""),
    ],
)
def test_mistakes_in_the_operators_filter_are_reported(where: str, sentence: str, tmp_path: Path) -> None:
    """It would hide everything in silence."""
    write_rows(tmp_path / "pumps.jsonl", 1)
    assert run(["ingest", "pumps.jsonl", "--store", "store"]) == 0
    command = [*COMMAND, "mcp", "--store", "store", "--where", where]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=120)
    assert ended.stderr.startswith(sentence)
    assert bool(ended.stderr) == bool(sentence)
    assert ended.stdout == ""
