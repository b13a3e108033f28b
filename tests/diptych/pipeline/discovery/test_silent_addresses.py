"""Addresses that do not answer are tried less and less often."""

from __future__ import annotations

from pathlib import Path

import pytest

from diptych.pipeline.discovery import download
from diptych.pipeline.discovery.download import SilentAddresses


class Clock:
    hours = 0.0

    def time(self) -> float:
        return 3600 * self.hours


def test_waiting_grows_with_each_failure_and_ends_with_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, address = Clock(), "https://example.org"
    monkeypatch.setattr(download, "time", clock)
    silent = SilentAddresses(tmp_path)
    assert silent.waits_until(address) == ""
    for hours in (6, 24, 96, 168, 168):
        silent.add(address)
        clock.hours += hours - 1
        assert silent.waits_until(address).endswith(" UTC")
        clock.hours += 1
        assert silent.waits_until(address) == ""
    silent.add(address)
    clock.hours -= 24 * 365  # it was a year ahead, and somebody set it right
    assert silent.waits_until(address) == ""
    silent.add(address)
    silent.remove(address)
    assert silent.waits_until(address) == ""
