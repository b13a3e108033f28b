"""A flow served from three lines of Python, as docs/operations.md shows it: it registers, runs once and stops."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from tests.support.papers import write_leaflet

ROOT = Path(__file__).parents[2]
DEADLINE = 300.0
"""Seconds; it takes about 15 on an idle machine."""


def test_documented_lines_serve_a_flow(prefect_server: str, tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    write_leaflet(tmp_path / "reports" / "a.pdf")
    (lines,) = re.findall(r"```python\n(.*?serve.*?)```", (ROOT / "docs" / "operations.md").read_text(), re.S)
    assert len([line for line in lines.splitlines() if line]) <= 3
    script = tmp_path / "serve_reports.py"
    script.write_text(lines.replace('["reports"]', repr([str(tmp_path / "reports")])))
    environment = os.environ | {
        "PYTHONPATH": str(ROOT), "DIPTYCH_STORE": str(tmp_path / "s"), "PREFECT_RUNNER_POLL_FREQUENCY": "1"
    }  # fmt: skip
    with (tmp_path / "log").open("w") as log:
        serving = subprocess.Popen([sys.executable, str(script)], cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        state = _run_once("ingest/reports", serving)
        serving.send_signal(signal.SIGINT)
        serving.wait(DEADLINE)
    finally:
        serving.kill()
        serving.wait()
    assert (state, (tmp_path / "s").is_dir()) == ("Completed", True), (tmp_path / "log").read_text()


def _run_once(deployment: str, serving: subprocess.Popen[bytes]) -> str | None:
    """Start a run of a deployment once it is registered, and return the state in which it ended."""
    deadline, run = time.monotonic() + DEADLINE, None
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline and serving.poll() is None:
            if run is None:
                try:
                    found = client.read_deployment_by_name(deployment)
                    run = client.create_flow_run_from_deployment(found.id).id
                except ObjectNotFound:
                    pass
            elif (state := client.read_flow_run(run).state) and state.is_final():
                return state.name
            time.sleep(0.2)
    pytest.fail(f"{deployment} did not run")
