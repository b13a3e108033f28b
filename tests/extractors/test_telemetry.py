"""Libraries that report their use to their makers do not do so here."""

import os
import subprocess
import sys
from pathlib import Path


def test_onnx_runtime_makes_no_id_of_the_machine(tmp_path: Path) -> None:
    hidden = {"ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment["HOME"] = str(tmp_path)
    subprocess.run([sys.executable, "-c", "import extractors, onnxruntime"], env=environment, check=True)
    assert not list(tmp_path.rglob("*"))
