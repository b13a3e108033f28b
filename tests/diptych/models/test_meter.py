"""Prices, budgets and the report of usage."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from diptych.endpoints import Anthropic, OpenAI
from diptych.errors import BudgetReached, SettingsError
from diptych.models.meter import Meter, format_usage
from diptych.models.price_list import PriceList
from diptych.prices import Price, Usage
from diptych.settings import Settings, load_settings

LUNA = "openai:gpt-6-luna"
CENT = Price(input=1.0, output=10.0)
"""A thousand output tokens cost a cent."""


LIST_PRICES = {
    LUNA: (0.1, 0.5, 0.01, 0.125),
    "openai:gpt-5.6-terra": (2.0, 12.0, 0.2, 2.5),
    "openai:gpt-6.2-sol": (2.0, 10.0, None, 2.5),
    "openai:gpt-5.4-nano": (0.2, 1.25, 0.02, None),
    "openai:gpt-4o": (2.5, 10.0, 1.25, None),
    "openai:gpt-4o-2024-11-20": (2.5, 10.0, 1.25, None),
    "openai:gpt-4o-mini": (0.15, 0.6, 0.075, None),
    "openai:gpt-4.1-mini": (0.4, 1.6, 0.1, None),
    "openai:o4-mini": (1.1, 4.4, 0.275, None),
    "openai:text-embedding-ada-002": (0.1, 0.0, None, None),
    "openai:text-embedding-3-small": (0.02, 0.0, None, None),
    "openai:text-embedding-3-large": (0.13, 0.0, None, None),
    "anthropic:claude-haiku-5-5": (0.1, 0.5, 0.01, 0.125),
    "anthropic:claude-sonnet-4-5": (3.0, 15.0, 0.3, 3.75),
    "anthropic:claude-opus-5-5": (4.0, 20.0, 0.2, 5.0),
}
"""Dollars per million tokens of input, output, cached input and cache writes, from the providers' pages in November
2026. An upgrade of genai-prices may change them: compare it with those pages."""


@pytest.mark.parametrize(("model", "dollars"), LIST_PRICES.items())
def test_list_prices_are_those_of_the_providers(model: str, dollars: tuple[float | None, ...]) -> None:
    price = PriceList(Settings()).get(model)
    assert price
    assert (price.input, price.output, price.cached, price.cache_write) == dollars
    assert price.batch == 0.5
    assert price.source


@pytest.mark.parametrize("model", ["openai:gpt-99", "openai:", "anthropic:gpt-6-luna", "clip", "unified:gpt-6-luna"])
def test_unknown_models_have_no_price(model: str) -> None:
    assert PriceList(Settings()).get(model) is None


def test_prices_in_the_settings_take_precedence() -> None:
    prices = PriceList(Settings(prices={LUNA: Price(7.0, 8.0), "openai:mine": Price(0.0, 0.0)}))
    assert prices.get(LUNA) == Price(7.0, 8.0)
    assert prices.get("openai:mine") == Price(0.0, 0.0)


def test_prices_behind_another_address_or_in_a_cloud_are_unknown() -> None:
    elsewhere = PriceList(
        Settings(openai=OpenAI(base_url="http://127.0.0.1:8000/v1"), anthropic=Anthropic(platform="vertex"))
    )
    assert elsewhere.get(LUNA) is None
    assert elsewhere.get("anthropic:claude-haiku-5-5") is None
    assert PriceList(Settings(openai=OpenAI(base_url="https://api.openai.com/v1"))).get(LUNA)


def test_a_model_that_one_of_its_roles_calls_elsewhere_has_no_list_price() -> None:
    elsewhere = {"answerer": {"base_url": "http://gateway/v1"}}
    assert PriceList(Settings(captioner=LUNA, answerer="openai:gpt-4o", openai=elsewhere)).get(LUNA)
    assert PriceList(Settings(captioner=LUNA, answerer=LUNA, openai=elsewhere)).get(LUNA) is None


def test_price_data_is_loaded_only_when_a_list_price_is_needed() -> None:
    code = (
        "import sys; from diptych.models.meter import Meter; from diptych.models.price_list import PriceList;"
        "from diptych.settings import Settings; PriceList(Settings()).get('minilm');"
        "assert 'genai_prices' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_negative_price_in_the_settings_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("diptych.toml").write_text(f'[prices."{LUNA}"]\ninput = -1.0\noutput = 2.0\n')
    with pytest.raises(SettingsError, match=r"openai:gpt-6-luna.*`input` is -1\.0"):
        load_settings()


def test_each_kind_of_token_has_its_own_price() -> None:
    price = Price(input=1.0, output=10.0, cached=0.1, batch=0.5, cache_write=2.0)
    usage = Usage(input_tokens=1_000_000, cached_tokens=300_000, output_tokens=100_000, requests=1)
    assert price.cost(usage) == pytest.approx(0.7 + 0.03 + 1.0)
    assert price.cost(Usage(1_000_000, 0, 0, 1, written_tokens=500_000)) == pytest.approx(0.5 + 1.0)
    assert price.cost(Usage(1_000_000, 0, 0, 1, batched=True)) == pytest.approx(0.5)
    assert price.max_cost(usage) == pytest.approx(2.0 + 1.0)  # how much the cache holds is not known beforehand


def test_a_request_that_would_exceed_the_budget_is_refused_and_a_smaller_one_passes() -> None:
    meter = Meter({"m": CENT}, budget=0.025)
    for _ in range(2):
        with meter.reserve("m", Usage(output_tokens=1000, requests=1)):
            meter.spend("m", Usage(output_tokens=1000, requests=1))
    with pytest.raises(BudgetReached, match=r"\$0\.0250 is reached: \$0\.02 is spent .* larger budget"):
        meter.reserve("m", Usage(output_tokens=1000)).__enter__()
    with meter.reserve("m", Usage(output_tokens=400)):
        pass
    assert meter.spent == pytest.approx(0.02)


def test_the_refusal_names_the_budget_reserved_for_other_requests() -> None:
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
    meter, start = Meter({"m": CENT}, budget=0.05), threading.Barrier(12)
    passed: list[bool] = []

    def send_request() -> None:
        start.wait()
        try:
            with meter.reserve("m", Usage(output_tokens=1000)):
                meter.spend("m", Usage(output_tokens=1000, requests=1))
            passed.append(True)
        except BudgetReached:
            passed.append(False)

    threads = [threading.Thread(target=send_request) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(passed) == [False] * 7 + [True] * 5
    assert meter.spent == pytest.approx(0.05)


def test_requests_wait_for_those_under_way_which_cost_less_than_they_reserve() -> None:
    """A request reserves 5 cents of 7 and costs 1.1, so that only one at a time fits, but two in all."""
    meter, refused = Meter({"m": CENT}, budget=0.07), list[str]()

    def send_request() -> None:
        try:
            with meter.reserve("m", Usage(output_tokens=5000)):
                meter.spend("m", Usage(output_tokens=1100, requests=1))
        except BudgetReached as error:
            refused.append(str(error))

    threads = [threading.Thread(target=send_request) for _ in range(4)]
    with meter.reserve("m", Usage(output_tokens=5000)):  # the others have to wait for it
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(0.05)
    for thread in threads:
        thread.join()
    assert meter.spent == pytest.approx(0.022)
    assert len(refused) == 2
    assert all("$0.0220 is spent" in reason for reason in refused)


def test_a_batch_neither_waits_nor_is_waited_for() -> None:
    meter = Meter({"m": CENT}, budget=0.01)
    with meter.reserve("m", Usage(output_tokens=600), wait=False):
        refused = list[type]()

        def send_request() -> None:
            with pytest.raises(BudgetReached):
                meter.reserve("m", Usage(output_tokens=600)).__enter__()
            refused.append(BudgetReached)

        thread = threading.Thread(target=send_request)
        thread.start()
        thread.join()
        assert refused


def test_a_budget_requires_a_price() -> None:
    with pytest.raises(SettingsError, match="price of m is unknown"):
        Meter({}, budget=1.0).reserve("m", Usage(1)).__enter__()
    with Meter({}).reserve("m", Usage(1)):
        pass


def test_usage_is_listed_by_model_and_marks_unknown_prices() -> None:
    meter = Meter({"m": Price(1.0, 10.0, cached=0.0)})
    meter.spend("m", Usage(1_200, 400, 90, 3))
    meter.spend("m", Usage(1_000_000, 0, 200_000, 50, batched=True))
    meter.spend("other", Usage(5, 0, 0, 1))
    assert format_usage(meter) == [
        "m: 3 requests, 1,200 tokens in (400 from its cache), 90 out, $0.0017",
        "m: 50 requests in batches, 1,000,000 tokens in, 200,000 out, $1.50",
        "other: 1 request, 5 tokens in, price unknown",
    ]
