"""What a backfill says about its progress."""

from __future__ import annotations

from pathlib import Path

import pytest

from diptych import Diptych
from diptych.settings import load_settings
from flows.output.progress import ProgressListener
from flows.runs.backfill_progress import BackfillProgress
from flows.runs.shared_store import RunUsage
from tests.support.papers import write_paper


def test_files_without_documents_are_not_left_to_the_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "papers"
    folder.mkdir()
    write_paper(folder / "a.pdf", "Pumps.")
    (folder / "notes.jsonl").write_text('{"id": 1}\n')
    with Diptych.open(load_settings("s")) as diptych:
        backlog = diptych.maintenance.backlog([folder])
        progress = BackfillProgress(ProgressListener(), backlog, RunUsage(diptych.meter))
        progress.files = backlog.listing.count_files()
        assert progress.total == 2
        assert len(list(backlog)) == 1
        assert progress.describe_rest() == "stopped after 0 documents: 1 document left; the next run continues"
