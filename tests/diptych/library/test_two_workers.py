"""Two workers that fill one store at the same time leave what a single one would, and buy nothing twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from diptych import Diptych, Outcome
from diptych.settings import load_settings
from tests.support.http_server import Vendor
from tests.support.shared_work import folder as folder
from tests.support.shared_work import store_content
from tests.support.shared_work import vendor as vendor
from tests.support.stores import NEEDS_SERVER, URL, new_prefix


@pytest.mark.parametrize("engine", ["embedded", pytest.param("server", marks=NEEDS_SERVER)])
def test_two_workers_ingest_the_same_folder_together(
    engine: str, vendor: Vendor, folder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each has a `Diptych` of its own, which shares nothing with the other but files and the server."""
    monkeypatch.setenv("DIPTYCH_ROOT", str(tmp_path))
    together = "together"
    if engine == "server":
        monkeypatch.setenv("DIPTYCH_COLLECTIONS", new_prefix())
        monkeypatch.setenv("DIPTYCH_PICTURES", str(tmp_path / "shared"))
        together = URL

    def ingest(_: int) -> list[Outcome]:
        with Diptych.open(load_settings(together)) as diptych:
            return diptych.ingest([folder])

    with ThreadPoolExecutor(2) as workers:
        outcomes = list(workers.map(ingest, range(2)))
    assert {outcome.status for done in outcomes for outcome in done} <= {"complete", "unchanged"}
    bought, content = len(vendor.requests), store_content(together)
    monkeypatch.setenv("DIPTYCH_PICTURES", str(tmp_path / "alone" / "pictures"))
    with Diptych.open(load_settings("alone")) as diptych:
        diptych.ingest([folder])
    assert len(vendor.requests) == 2 * bought
    assert content == store_content("alone")
