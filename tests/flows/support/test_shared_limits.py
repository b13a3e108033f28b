"""Limits that machines share: kept on a real Prefect server, and asked for by the parts that need them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from diptych import Diptych, Settings
from diptych.errors import SettingsError
from diptych.models.meter import Meter
from diptych.prices import Usage
from diptych.shared_limits import Program, SharedLimits
from flows.support.shared_limits import PrefectLimits, create_limits, shared_limits
from tests.support.papers import pdf_source
from tests.support.scripted_pipeline import OLD, ScriptedPipeline


class RecordingLimits(SharedLimits):
    """Keeps what was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @contextmanager
    def using(self, program: Program) -> Iterator[None]:
        self.asked.append(program)
        yield

    def before_request(self, model: str) -> None:
        self.asked.append(model)


def test_documents_and_requests_ask_for_their_limits(tmp_path: Path) -> None:
    limits, scripted = RecordingLimits(), ScriptedPipeline(tmp_path, "embedded")
    pipeline = replace(scripted.pipeline, limits=limits)
    for name, expected in (("a.pdf", ["ocr"]), ("pumps.jsonl", []), ("deck.pptx", ["libreoffice", "ocr"])):
        source = replace(pdf_source(tmp_path / "a.pdf"), path=tmp_path / name, name=name)
        scripted.sandbox.scripts[name] = OLD
        pipeline.extract(source)
        assert limits.asked == expected
        limits.asked.clear()
    scripted.index.close()
    with Meter(limits=limits).reserve("openai:some", Usage(requests=1)):
        assert limits.asked == ["openai:some"]
    Diptych.open(Settings(store=str(tmp_path / "s")), limits=limits).close()
    assert limits.closed


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
