"""Plant secrets wherever users keep or mistype them, run commands that work or fail, and look for them everywhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from diptych.library.runtime import Runtime
from diptych.store.spaces import Spaces
from flows.cli.main import guarded, run
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.fakes import WordEncoder
from tests.support.http_server import Answer, Request, Vendor, served
from tests.support.papers import write_locked
from tests.support.stores import file_bytes

PDF, S3, URL, QUERY = "open-sesame-pdf", "s3-secret-0123456789", "pass-in-the-url", "token-in-the-query"
KEYS = {
    "OPENAI_API_KEY": "planted-openai-0123456789abcdef",
    "ANTHROPIC_API_KEY": "planted-anthropic-0123456789abcdef",
    "DIPTYCH_QDRANT_API_KEY": "planted-qdrant-0123456789abcdef",
    "DIPTYCH_TOKEN": "planted-token-0123456789abcdef",
    "AWS_SECRET_ACCESS_KEY": "planted-aws-0123456789abcdef",
}
SECRETS = (*KEYS.values(), PDF, S3, URL, QUERY)


def echo(request: Request) -> Answer:
    """What a careless server answers: everything it was sent."""
    headers = "; ".join(f"{name}={value}" for name, value in request.headers.items())
    return Answer(400, {"error": {"message": f"bad request: {headers}"}, "status": {"error": headers}})


@pytest.fixture(scope="module")
def careless() -> Iterator[Vendor]:
    with served(echo) as vendor:
        yield vendor


@pytest.fixture(autouse=True)
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, careless: Vendor) -> None:
    for name, secret in KEYS.items():
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("DIPTYCH_TRACE", "")
    (tmp_path / "docs").mkdir()
    write_locked(tmp_path / "docs" / "locked.pdf", "The valve opens at nine bar.", PDF)
    (tmp_path / "diptych.toml").write_text(
        f"""private_addresses = true
[passwords]
"*.pdf" = "{PDF}"
[openai]
base_url = "{careless.url}/v1"
seconds = 5
[anthropic]
base_url = "{careless.url}"
seconds = 5
[places."s3://bucket"]
key = "id"
secret = "{S3}"
endpoint_url = "{careless.url}"
"""
    )


def test_no_command_shows_or_stores_a_secret(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, careless: Vendor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(Runtime, "spaces", Spaces(WordEncoder()))
    server = careless.url.removeprefix("http://")
    assert run(["ingest", "docs", "--store", "s"]) == 0
    for variable, model in (("answerer", "openai:gpt-6-luna"), ("answerer", "anthropic:claude-sonnet-5")):
        monkeypatch.setenv(f"DIPTYCH_{variable.upper()}", model)
        assert run(["ask", "which pressure opens the valve", "--store", "s"]) == 1
    monkeypatch.delenv("DIPTYCH_ANSWERER")
    failing = [
        ["ingest", "docs", "--store", careless.url],
        ["status", "--store", f"http://user:{URL}@{server}"],
        ["query", "valve", "--store", f"http://{server}/?api_key={QUERY}"],
        ["ingest", f"http://user:{URL}@{server}/a.pdf", "--store", "s"],
        ["ingest", f"http://{server}/a.pdf?token={QUERY}", "--store", "s"],
        ["ingest", f"s3://user:{URL}@bucket/a", "--store", "s"],
        ["ingest", "s3://bucket/reports", "--store", "s"],
        ["ingest", f"sftp://user:{URL}@127.0.0.1:9/a", "--store", "s"],
        ["query", "valve", "--image", f"http://user:{URL}@{server}/a.png?token={QUERY}", "--store", "s"],
        ["extract", f"http://user:{URL}@{server}/a.pdf"],
        ["estimate", f"http://user:{URL}@{server}/a.pdf", "--store", "s"],
        ["delete", f"http://user:{URL}@{server}/a.pdf", "--store", "s"],
    ]
    for arguments in failing:
        assert run(arguments) not in (0, None), arguments
    for arguments in (["status", "--store", "s"], ["export", "out", "--store", "s"]):
        run(arguments)
    assert run(["extract", "docs", "--out", "extracted", "--json"]) == 0
    shown = "".join(capfd.readouterr()) + caplog.text
    files = {path: file_bytes(path) for path in tmp_path.rglob("*") if path.is_file() and path.name != "diptych.toml"}
    started = [" ".join(one.cmdline()) for one in psutil.Process().children(recursive=True)]
    assert any(b"nine bar" in content for content in files.values())
    assert any("planted-openai" in str(request.headers) for request in careless.requests)
    for secret in SECRETS:
        assert secret not in shown, [line for line in shown.splitlines() if secret in line]
        assert [path for path, content in files.items() if secret.encode() in content] == []
        assert not any(secret in command for command in started)
    made = [tmp_path / name for name in ("s", "out")]
    assert [path.stat().st_mode & 0o777 for path in made] == [0o700, 0o700]


@pytest.mark.parametrize("trace", [True, False])
def test_report_of_a_bug_shows_no_secret(
    trace: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        try:
            raise RuntimeError(f"headers: {KEYS}")
        except RuntimeError as error:
            raise KeyError(KEYS["OPENAI_API_KEY"]) from error

    if not trace:
        monkeypatch.delenv("DIPTYCH_TRACE")
    assert guarded(fail) == 1
    shown = capsys.readouterr().err
    assert "KeyError: '[secret]'" in shown
    assert ("Traceback" in shown, "'OPENAI_API_KEY': '[secret]'" in shown) == (trace, trace)
    assert not any(secret in shown for secret in SECRETS)
