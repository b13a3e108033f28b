"""What models cost, what a budget lets pass, and how usage is told."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path

import pytest

from diptych.errors import BudgetReached, SettingsError
from diptych.models.meter import Meter, format_usage, prices
from diptych.models.price_list import price_list
from diptych.prices import Price, Usage
from diptych.settings import Anthropic, OpenAI, Settings, load_settings

LUNA = "openai:gpt-6-luna"
CENT = Price(input=1.0, output=10.0)
"""A thousand tokens out cost a cent."""


def test_every_price_says_where_it_stands_and_when_it_was_read() -> None:
    assert len(price_list()) > 20
    for name, price in price_list().items():
        assert name.partition(":")[0] in ("openai", "anthropic")
        assert price.source.startswith("https://"), name
        assert date.fromisoformat(price.read) >= date(2026, 11, 1), name
        assert price.output >= price.input or not price.output, name
        assert price.cached is None or price.cached < price.input, name
        assert price.cache_write in (None, pytest.approx(1.25 * price.input)), name


def test_the_settings_prices_go_before_the_table() -> None:
    found = prices(Settings(prices={LUNA: Price(7.0, 8.0), "openai:mine": Price(0.0, 0.0)}))
    assert found[LUNA].input == 7.0
    assert found["openai:mine"] == Price(0.0, 0.0)
    assert found["openai:text-embedding-3-small"].input == 0.02


def test_behind_another_address_or_in_a_cloud_a_price_is_unknown() -> None:
    there = prices(Settings(openai=OpenAI(base_url="http://127.0.0.1:8000/v1"), anthropic=Anthropic(platform="vertex")))
    assert there == {}
    own = prices(Settings(openai=OpenAI(base_url="https://api.openai.com/v1")))
    assert LUNA in own


def test_a_price_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("diptych.toml").write_text(f'[prices."{LUNA}"]\ninput = -1.0\noutput = 2.0\n')
    with pytest.raises(SettingsError, match=r"openai:gpt-6-luna.*`input` is -1\.0"):
        load_settings()


def test_each_kind_of_token_has_its_price() -> None:
    price = Price(input=1.0, output=10.0, cached=0.1, batch=0.5, cache_write=2.0)
    usage = Usage(input_tokens=1_000_000, cached_tokens=300_000, output_tokens=100_000, requests=1)
    assert price.cost(usage) == pytest.approx(0.7 + 0.03 + 1.0)
    assert price.cost(Usage(1_000_000, 0, 0, 1, written_tokens=500_000)) == pytest.approx(0.5 + 1.0)
    assert price.cost(Usage(1_000_000, 0, 0, 1, batched=True)) == pytest.approx(0.5)
    assert price.max_cost(usage) == pytest.approx(2.0 + 1.0)  # nobody knows before what the cache will do


def test_a_request_that_would_pass_the_budget_is_refused_and_another_fits() -> None:
    meter = Meter({"m": CENT}, budget=0.025)
    for _ in range(2):
        with meter.reserve("m", Usage(output_tokens=1000, requests=1)):
            meter.spend("m", Usage(output_tokens=1000, requests=1))
    with pytest.raises(BudgetReached, match=r"\$0\.0250 is reached: \$0\.02 is spent .* larger budget"):
        meter.reserve("m", Usage(output_tokens=1000)).__enter__()
    with meter.reserve("m", Usage(output_tokens=400)):
        pass
    assert meter.spent == pytest.approx(0.02)


def test_what_is_reserved_for_others_is_told_while_it_is() -> None:
    meter = Meter({"m": CENT}, budget=0.0049)
    meter.spend("m", Usage(output_tokens=90, requests=1))
    with meter.reserve("m", Usage(output_tokens=100)), meter.reserve("m", Usage(output_tokens=200)):
        with pytest.raises(BudgetReached) as refused:
            meter.reserve("m", Usage(output_tokens=160)).__enter__()
        assert "$0.0009 is spent, $0.0030 is reserved for requests under way, and the next" in str(refused.value)
        assert "may cost $0.0016." in str(refused.value)
    with pytest.raises(BudgetReached, match=r"\$0\.0009 is spent and the next request to m may cost \$0\.0060\."):
        meter.reserve("m", Usage(output_tokens=600)).__enter__()


def test_requests_under_way_count_towards_the_budget() -> None:
    meter, passed, start = Meter({"m": CENT}, budget=0.05), [], threading.Barrier(12)

    def ask() -> None:
        start.wait()
        try:
            with meter.reserve("m", Usage(output_tokens=1000)):
                meter.spend("m", Usage(output_tokens=1000, requests=1))
                passed.append(1)
                stop.wait()
        except BudgetReached:
            pass

    stop = threading.Event()
    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    stop.wait(0.2)
    stop.set()
    for thread in threads:
        thread.join()
    assert 1 <= len(passed) <= 5
    assert meter.spent <= 0.05 + 1e-9


def test_a_budget_needs_a_price() -> None:
    with pytest.raises(BudgetReached, match="price of m is unknown"):
        Meter({}, budget=1.0).reserve("m", Usage(1)).__enter__()
    with Meter({}).reserve("m", Usage(1)):
        pass


def test_usage_is_told_model_by_model_and_unknown_prices_say_so() -> None:
    meter = Meter({"m": Price(1.0, 10.0, cached=0.0)})
    meter.spend("m", Usage(1_200, 400, 90, 3))
    meter.spend("m", Usage(1_000_000, 0, 200_000, 50, batched=True))
    meter.spend("other", Usage(5, 0, 0, 1))
    assert format_usage(meter) == [
        "m: 3 requests, 1,200 tokens in (400 from its cache), 90 out, $0.0017",
        "m: 50 requests in batches, 1,000,000 tokens in, 200,000 out, $1.50",
        "other: 1 request, 5 tokens in, price unknown",
    ]
