"""Documents that cannot be read: passwords that open them, and acknowledging those that stay closed."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from unittest.mock import Mock

import pytest

from flows.cli.main import guarded, run
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.command_line import error_line, run_json, run_messages
from tests.support.papers import write_locked
from tests.support.stores import stored_bytes

PASSWORD = "open sesame"


def ingest(capsys: pytest.CaptureFixture[str], code: int) -> str:
    """The last line of an ingest of the folder `docs`."""
    return run_messages(capsys, "ingest", "docs", "--store", "s", code=code)[-1]


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    return write_locked(tmp_path / "docs" / "locked.pdf", "The valve opens at nine bar.", PASSWORD)


def test_acknowledged_failure_is_not_reported_until_the_file_changes(
    locked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ingest(capsys, 4)
    assert run_messages(capsys, "acknowledge", "locked.pdf", "--store", "s") == ["1 document acknowledged"]
    assert run_messages(capsys, "acknowledge", "--undo", str(locked), "--store", "s") == ["1 document reported again"]
    assert run_messages(capsys, "acknowledge", "--undo", "locked.pdf", "--store", "s") == [
        "no document had to be reported again"
    ]
    assert "no such document" in error_line(capsys, "acknowledge", "other.pdf", "--store", "s")
    assert run_messages(capsys, "acknowledge", "locked.pdf", "--store", "s") == ["1 document acknowledged"]
    assert ingest(capsys, 0) == "1 document: 1 failed; 1 acknowledged"
    (record,) = run_json(capsys, "status", "--store", "s")
    assert (record["status"], record["acknowledged"]) == ("failed", True)
    write_locked(locked, "The valve opens at ten bar.", PASSWORD)
    ingest(capsys, 4)


def test_password_opens_the_files_that_match_its_pattern_and_is_stored_nowhere(
    locked: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["ingest", "docs", "--store", "s", "--json"]) == 4
    failed = json.loads(capfd.readouterr().out)
    assert (failed["transient"], failed["needs_action"]) == (True, True)  # tried by every ingest, but not by a timer
    assert run(["ingest", "docs", "--store", "s"]) == 4
    (tmp_path / "diptych.toml").write_text(f'[passwords]\n"docs/l*.pdf" = "{PASSWORD}"\n"*.pdf" = "wrong"\n')
    assert run(["ingest", "docs", "--store", "s"]) == 0
    assert run(["query", "valve pressure", "--store", "s"]) == 0
    printed = capfd.readouterr()
    assert "nine bar" in printed.out
    assert "no password is known. Add its password under [passwords] in diptych.toml" in printed.err
    assert PASSWORD.encode() not in stored_bytes(tmp_path / "s") + "".join(printed).encode()


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), OSError(errno.ENOENT, "No usable temporary directory")]
)
def test_full_disk_is_no_bug(error: OSError, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(Mock(side_effect=error)) == 1
    assert capsys.readouterr().err == f"diptych: the disk is full ({error}); free some space and run again\n"
