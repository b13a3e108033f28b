"""The benchmark measures what it says, beside a peer."""

from __future__ import annotations

import json

import pytest

from bench.__main__ import FIGURES, main
from bench.measure import by_turns


def test_a_figure_comes_with_its_peer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures", "--json"]) == 0
    figure = json.loads(capsys.readouterr().out)
    assert figure["unit"] == "ms/page"
    assert figure["value"] > figure["peer_value"] > 0
    assert figure["ratio"] == pytest.approx(figure["value"] / figure["peer_value"], rel=1e-3)


def test_turns_alternate_after_one_call_that_does_not_count() -> None:
    calls: list[str] = []
    by_turns(lambda: calls.append("ours"), lambda: calls.append("peer"), rounds=2)
    assert calls == ["ours", "peer"] * 3


def test_unknown_figures_name_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["speed"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert all(name in said for name in FIGURES)
