"""The recipes of the README, followed to the letter in a scratch copy of the source."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from PIL import Image

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(?:python|yaml)\n# (?P<file>[\w/.]+\.\w+)(?:, in (?P<table>\w+))?\n(?P<code>.*?)```", re.S)


class Scratch:
    """A copy of the source tree that follows recipes."""

    def __init__(self, folder: Path) -> None:
        self.source, self.work = folder / "source", folder / "work"
        for name in ("extractors", "diptych", "flows"):
            # With the compiled modules, but not what another process is just compiling.
            shutil.copytree(ROOT / name, self.source / name, ignore=shutil.ignore_patterns("*.pyc.*"))
        shutil.copy(ROOT / "prefect.yaml", self.source)
        self.work.mkdir()

    def follow(self, recipe: str) -> None:
        """Carry out every block below the heading `recipe`: write a module, or insert rows into a table."""
        section = README.split(f"### {recipe}\n")[1].split("\n### ")[0]
        blocks = list(BLOCK.finditer(section))
        assert blocks, f"no recipe: {recipe}"
        for block in blocks:
            file = self.source / block["file"]
            if block["table"]:
                insert(file, block["table"], block["code"])
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block["code"].lstrip("\n"), encoding="utf-8")

    def run(self, *commands: tuple[str, ...], code: str = "", **variables: str) -> tuple[list[int], str, str]:
        """Run commands of diptych, and then Python code, in one process.

        Returns the exit codes of the commands, and what is printed on stdout and stderr.
        """
        script = (
            f"from flows.cli.main import run\ncodes = [int(run(one)) for one in {commands!r}]\n{code}\nprint(codes)"
        )
        environment = os.environ | {"PYTHONPATH": str(self.source)} | variables
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=self.work, env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
        printed, _, codes = done.stdout.rstrip().rpartition("\n")
        return json.loads(codes), printed, done.stderr


def insert(file: Path, table: str, rows: str) -> None:
    """Insert rows before the end of a table: a bracket, or a YAML list that ends the file."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".yaml":
        assert f"{table}:" in text
        file.write_text(text.rstrip("\n") + "\n\n" + rows, encoding="utf-8")
        return
    start = re.search(rf"^{table}\b[^\n]*[({{]$", text, re.M)
    assert start, f"{file.name} has no table {table}"
    end = re.compile(r"^[)}]", re.M).search(text, start.end())
    assert end
    file.write_text(text[: end.start()] + rows + text[end.start() :], encoding="utf-8")


@pytest.fixture
def gateway() -> Iterator[tuple[str, list[dict[str, object]]]]:
    """A server as the recipe describes it, and the requests it received."""
    requests: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append(body)
            properties = body["schema"]["properties"]
            filled = {
                name: [] if kind.get("type") == "array" else "a violet square" for name, kind in properties.items()
            }
            answer = json.dumps({"text": json.dumps(filled)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", requests
    server.shutdown()
    server.server_close()


def test_everything_is_added(tmp_path: Path, gateway: tuple[str, list[dict[str, object]]], prefect_server: str) -> None:
    """All recipes in one process, whose start takes most of the time."""
    url, requests = gateway
    scratch = Scratch(tmp_path)
    for recipe in ("An extractor", "An encoder", "A vision model", "A flow"):
        scratch.follow(recipe)
    (scratch.work / "pumps.note").write_text("The red pump is loud.\n\nThe cat sleeps.\n")
    (scratch.work / "empty.note").write_text(" \n")
    Image.effect_noise((320, 240), 90).save(scratch.work / "square.png")
    query = ("query", "--limit", "1", "--store", "store", "--json")
    codes, printed, errors = scratch.run(
        ("ingest", "pumps.note", "square.png", "--store", "store"),
        (*query, "cat", "--modality", "text"),
        (*query, "violet", "--modality", "image"),
        ("extract", "empty.note", "--json"),
        code="from flows.count import count; print(count('store'))",
        PREFECT_API_URL=prefect_server,
        DIPTYCH_ENCODER="letters",
        DIPTYCH_CAPTIONER="gateway:m",
        GATEWAY_URL=url,
    )
    assert codes == [0, 0, 0, 4], errors
    assert "empty.note: contains no text" in errors
    passage, picture, counted = printed.splitlines()
    assert json.loads(passage)["text"] == "The cat sleeps."
    assert "text.dense" in json.loads(passage)["ranks"]
    assert json.loads(picture)["document"] == "square.png"
    assert len(requests) == 1
    assert counted == "{'complete': 2}"
    deployed = yaml.safe_load((scratch.source / "prefect.yaml").read_text())["deployments"][-1]
    assert (deployed["entrypoint"], deployed["work_pool"]["name"]) == ("flows.count.count", "diptych")
