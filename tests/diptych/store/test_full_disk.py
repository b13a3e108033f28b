"""Commands on a disk that is full from the nth write on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TRIES = "40"
"""Of each command, out of 10 to 400 writes."""
SOURCE = Path(__file__).parents[2] / "support" / "full_disk.c"


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler, for what is preloaded")
def test_disk_that_is_full_from_a_write_on_loses_nothing_and_is_said(tmp_path: Path) -> None:
    library = tmp_path / "full_disk.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    (tmp_path / "work").mkdir()
    output = subprocess.run(
        [sys.executable, "-m", "tests.support.full_disk", tmp_path / "work", TRIES],
        env=os.environ | {"LD_PRELOAD": str(library), "DIPTYCH_TEST_FULL_DISK": str(library)},
        capture_output=True,
        text=True,
        check=False,
    )
    print(output.stdout)
    assert output.returncode == 0, output.stderr
    assert "unclear" not in output.stdout
