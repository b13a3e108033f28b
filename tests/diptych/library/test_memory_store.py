"""A store in memory: it ends with its `Diptych`, and commands and flows refuse it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from diptych import Diptych, Settings
from diptych.errors import SettingsError, StoreError
from diptych.settings import MEMORY
from flows.runs.shared_store import shared_diptych
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.command_line import error_line
from tests.support.papers import write_photo


def test_store_in_memory_ends_with_its_diptych(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    write_photo(tmp_path / "red.png", "red")
    (tmp_path / "shop.csv").write_text("image,description\nred.png,A red pump\n")
    settings = Settings(store=MEMORY, ocr="off", workers=1)
    with Diptych.open(settings) as one, Diptych.open(settings) as other:
        assert one.estimate([tmp_path / "shop.csv"]).documents == 1
        one.ingest([tmp_path / "shop.csv"])
        (hit,) = one.search("pump")
        assert hit.image
        assert Path(hit.image).is_file()
        with pytest.raises(StoreError, match="the store in memory is empty"):
            other.search("pump")
    assert not Path(hit.image).exists()
    assert [path.name for path in tmp_path.iterdir() if path.name == MEMORY] == []
    assert [path for path in (tmp_path / "temporary").iterdir() if path.name.startswith("diptych-")] == []
    with pytest.raises(StoreError, match="closed"):
        one.search("pump")


@pytest.mark.parametrize(
    "command", [["ingest", "."], ["query", "pump"], ["ask", "pump"], ["backfill", "."], ["status"]]
)
def test_commands_refuse_a_store_that_would_end_with_them(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    line = error_line(capsys, *command, "--store", MEMORY)
    assert line.startswith("diptych: a store in memory ends with the command or run that opens it; name a folder")
    assert list(Path.cwd().iterdir()) == []


def test_flows_share_a_store_in_memory_only_with_the_run_that_opened_it() -> None:
    with pytest.raises(SettingsError, match="ends with the command or run"), shared_diptych(Settings(store=MEMORY)):
        pass
