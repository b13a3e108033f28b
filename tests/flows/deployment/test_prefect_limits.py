"""Limits that machines share: kept on a real Prefect server, and asked for by the parts that need them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from diptych import Diptych, Settings
from diptych.errors import SettingsError
from diptych.models.meter import Meter
from diptych.prices import Usage
from diptych.shared_limits import SharedLimits
from extractors.shared_programs import Program, limit_programs
from extractors.slides import libreoffice
from flows.deployment.prefect_limits import PrefectLimits, create_limits, shared_limits
from tests.support.papers import write_leaflet, write_photo


class RecordingLimits(SharedLimits):
    """Keeps what was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.used = 0

    @contextmanager
    def using(self, program: Program) -> Iterator[None]:
        self.asked.append(program)
        self.used += 1
        assert self.used == 1, "one worker uses one program"
        yield
        self.used -= 1

    def before_request(self, model: str) -> None:
        self.asked.append(model)


def test_documents_and_requests_ask_when_they_use_what_is_limited(tmp_path: Path) -> None:
    limits = RecordingLimits()
    write_leaflet(tmp_path / "a.pdf", 1)
    write_photo(tmp_path / "b.png", "GREEN VALVE")
    with Diptych.open(Settings(store=str(tmp_path / "s"), workers=1), limits=limits) as diptych:
        for name, expected in (("a.pdf", set()), ("b.png", {"ocr"})):
            assert [one.status for one in diptych.ingest([tmp_path / name])] == ["complete"]
            assert (set(limits.asked), limits.used) == (expected, 0)
    assert limits.closed
    limits.asked.clear()
    with Meter(limits=limits).reserve("openai:some", Usage(requests=1)):
        assert limits.asked == ["openai:some"]


def test_libreoffice_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits, deck = RecordingLimits(), tmp_path / "deck.ppt"
    deck.write_bytes(b"")

    def run(command: list[str], home: str) -> None:
        assert limits.used == 1
        (tmp_path / "deck.pdf").write_bytes(b"%PDF")

    def convert() -> None:
        limit_programs(limits.using)
        libreoffice.convert_file(deck, "pdf", tmp_path)

    monkeypatch.setattr(libreoffice, "find_libreoffice", lambda: "soffice")
    monkeypatch.setattr(libreoffice, "_run", run)
    copy_context().run(convert)
    assert (limits.asked, limits.used) == (["libreoffice"], 0)


def test_limits_are_kept_on_the_server(prefect_server: str) -> None:
    chosen = {"ocr": 1, "openai": 600}
    with get_client(sync_client=True) as client:
        assert create_limits(client, chosen) == [
            "set        limit diptych-ocr: 1",
            "set        limit diptych-openai: 600 requests a minute",
        ]
        assert create_limits(client, chosen) == []
        limits = shared_limits(Settings(prefect_limits=chosen))
        limits.before_request("openai:some")
        limits.before_request("anthropic:other")  # not limited
        with limits.using("ocr"), limits.using("libreoffice"):
            assert client.read_global_concurrency_limit_by_name("diptych-ocr").active_slots == 1
        assert client.read_global_concurrency_limit_by_name("diptych-ocr").active_slots == 0


def test_missing_limit_is_an_error_and_a_closed_run_does_not_wait(prefect_server: str) -> None:
    limits = PrefectLimits({"libreoffice": 1})
    with pytest.raises(SettingsError, match="no limit diptych-libreoffice; create it with `diptych deploy`"):
        limits.using("libreoffice").__enter__()
    limits.close()
    with limits.using("libreoffice"):
        pass
