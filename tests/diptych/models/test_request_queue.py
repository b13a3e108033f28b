"""The request queue: limits, retries, deadlines, API keys, and refused items of a batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from diptych.endpoints import Endpoint, OpenAI, api_key, is_local
from diptych.errors import ModelError, ProviderError
from diptych.models.request_queue import RequestQueue, call_in_halves, request_queue, retried_for


class Time:
    """A clock that only advances by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.meanwhile: Callable[[], None] | None = None
        """Called at the start of the next sleep."""

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        until, self.slept = self.now + seconds, [*self.slept, seconds]
        if meanwhile := self.meanwhile:
            self.meanwhile = None
            meanwhile()
        self.now = max(self.now, until)


def _queue(time: Time, endpoint: Endpoint | None = None) -> RequestQueue:
    return RequestQueue(endpoint or Endpoint(), time.clock, time.sleep)


def _failing(*errors: ProviderError) -> Callable[[float], str]:
    """A request that fails with these errors and then succeeds."""
    rest = list(errors)

    def request(seconds_left: float) -> str:
        if rest:
            raise rest.pop(0)
        return "answer"

    return request


def _busy(retry_after: float | None = None) -> ProviderError:
    return ProviderError("the provider is busy", transient=True, retry_after=retry_after)


def test_transient_errors_are_retried_with_growing_pauses() -> None:
    time = Time()
    assert _queue(time).call(_failing(_busy(), _busy(), _busy()), 0) == "answer"
    assert [0.75 * n <= slept <= 1.25 * n for n, slept in zip((0.5, 1, 2), time.slept, strict=True)] == [True] * 3


def test_request_of_a_search_is_retried_for_seconds_but_waits_as_long_as_it_is_asked_to() -> None:
    time, down = Time(), [_busy()] * 8
    with retried_for(10), pytest.raises(ProviderError, match=r"given up after [45] attempts in \d s"):
        _queue(time).call(_failing(*down), 0)
    assert sum(time.slept) < 10
    time = Time()
    with retried_for(10):
        assert _queue(time).call(_failing(_busy(retry_after=20)), 0) == "answer"
    assert time.slept == [20]


def test_permanent_error_is_raised_at_once() -> None:
    time = Time()
    with pytest.raises(ProviderError, match="no such model"):
        _queue(time).call(_failing(ProviderError("no such model")), 0)
    assert time.slept == []


def test_retry_after_is_respected() -> None:
    time = Time()
    assert _queue(time).call(_failing(_busy(17)), 0) == "answer"
    assert time.now == 1017


def test_retry_after_above_the_limit_is_not_waited_for() -> None:
    time = Time()
    with pytest.raises(
        ProviderError, match=r"is busy; it asks to wait 3600 s, longer than .*`longest_wait` of 60 s"
    ) as e:
        _queue(time).call(_failing(_busy(3600)), 0)
    assert (e.value.transient, e.value.retry_after, time.slept) == (True, 3600, [])


def test_retries_end_before_a_pause_that_would_exceed_the_deadline() -> None:
    time = Time()
    with pytest.raises(ProviderError, match="is busy; given up after 3 attempts in 40 s") as error:
        _queue(time, Endpoint(seconds=50)).call(_failing(*[_busy(20)] * 9), 0)
    assert error.value.transient
    assert time.now == 1040


def test_each_attempt_gets_the_time_left_until_the_deadline() -> None:
    time, times_left = Time(), []

    def request(seconds_left: float) -> None:
        times_left.append(seconds_left)
        if len(times_left) < 3:
            time.now += 5
            raise _busy(10)

    _queue(time, Endpoint(seconds=100)).call(request, 0)
    assert times_left == [100, 85, 70]


def test_number_of_attempts_is_limited() -> None:
    time, attempts = Time(), []

    def request(seconds_left: float) -> None:
        attempts.append(time.now)
        raise _busy(0)

    with pytest.raises(ProviderError, match="given up after 8 attempts"):
        _queue(time).call(request, 0)
    assert len(attempts) == 8


def test_requests_per_minute_are_limited() -> None:
    time = Time()
    queue = _queue(time, Endpoint(requests_per_minute=3))
    starts = [queue.call(lambda _: time.now, 0) for _ in range(8)]
    assert starts == [1000, 1000, 1000, 1060, 1060, 1060, 1120, 1120]


def test_retries_count_towards_the_limit_per_minute() -> None:
    time = Time()
    queue = _queue(time, Endpoint(requests_per_minute=2))
    queue.call(_failing(_busy(0)), 0)
    assert queue.call(lambda _: time.now, 0) == 1060


def test_tokens_per_minute_are_limited() -> None:
    time = Time()
    queue = _queue(time, Endpoint(tokens_per_minute=1000))
    starts = [queue.call(lambda _: time.now, tokens) for tokens in (600, 400, 1, 900, 200)]
    assert starts == [1000, 1000, 1060, 1060, 1120]


def test_request_above_the_token_limit_gets_its_own_minute() -> None:
    time = Time()
    queue = _queue(time, Endpoint(tokens_per_minute=1000))
    assert [queue.call(lambda _: time.now, tokens) for tokens in (10, 5000, 10)] == [1000, 1060, 1120]


def test_waiting_for_own_limits_does_not_count_towards_the_deadline() -> None:
    time = Time()
    queue = _queue(time, Endpoint(requests_per_minute=1, seconds=30))
    assert [queue.call(lambda seconds_left: seconds_left, 0) for _ in range(3)] == [30, 30, 30]


def test_retry_after_pauses_all_requests() -> None:
    time = Time()
    queue = _queue(time, Endpoint(at_once=2))
    others: list[float] = []

    def meanwhile() -> None:
        others.append(queue.call(lambda _: time.now, 0))

    time.meanwhile = meanwhile
    queue.call(_failing(_busy(30)), 0)
    assert others == [1030]


def test_concurrent_requests_are_limited() -> None:
    queue = RequestQueue(Endpoint(at_once=2))
    lock, most, now = threading.Lock(), 0, 0
    gate = threading.Barrier(2)

    def request(seconds_left: float) -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        gate.wait(60)  # passes only when two requests are running
        with lock:
            now -= 1

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(queue.call, request, 0) for _ in range(8)]:
            done.result(120)
    assert most == 2


def test_crashed_request_frees_its_slot() -> None:
    queue = _queue(Time(), Endpoint(at_once=1))

    def crash(seconds_left: float) -> None:
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            queue.call(crash, 0)


def test_endpoint_has_one_queue() -> None:
    assert request_queue(OpenAI(at_once=3)) is request_queue(OpenAI(at_once=3))
    assert request_queue(OpenAI()) is not request_queue(OpenAI(base_url="http://localhost:1/v1"))


def test_key_is_read_from_the_named_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", " sk-1234\n")
    assert api_key(OpenAI(key="MY_KEY")) == "sk-1234"


def test_missing_key_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(ModelError, match=r"^no key: the environment variable MY_KEY is empty.*`openai.key`"):
        api_key(OpenAI(key="MY_KEY"))
    with pytest.raises(ModelError, match=r"^no key: set `openai.key`"):
        api_key(OpenAI(key=""))


def test_invalid_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret\nsecret")
    with pytest.raises(ModelError) as error:
        api_key(OpenAI(key="MY_KEY"))
    assert "MY_KEY" in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://localhost:11434/v1",
        "http://127.0.0.1:8000",
        "http://[::1]:8000/v1",
        "http://10.1.2.3/v1",
        "http://vllm/v1",
    ],
)
def test_local_server_needs_no_key(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert api_key(OpenAI(base_url=base_url)) == "none"


@pytest.mark.parametrize("base_url", [None, "", "https://api.openai.com/v1", "https://8.8.8.8/v1"])
def test_remote_server_needs_a_key(base_url: str | None) -> None:
    assert not is_local(base_url)


def _refusing(*bad: int) -> tuple[list[list[int]], Callable[[Sequence[int]], list[str]]]:
    """(the batches it was called with, a call that fails if one of `bad` is in the batch)."""
    asked: list[list[int]] = []

    def call(batch: Sequence[int]) -> list[str]:
        asked.append(list(batch))
        if found := set(bad) & set(batch):
            raise ProviderError(f"cannot read {min(found)}")
        return [str(item) for item in batch]

    return asked, call


def test_refused_item_fails_alone() -> None:
    asked, call = _refusing(2)
    results = call_in_halves(range(4), call)
    assert [result if isinstance(result, str) else str(result) for result in results] == [
        "0",
        "1",
        "cannot read 2",
        "3",
    ]
    assert isinstance(results[2], ProviderError)
    assert asked == [[0, 1, 2, 3], [0, 1], [2, 3], [2], [3]]


def test_good_batch_needs_one_call() -> None:
    asked, call = _refusing()
    assert call_in_halves(range(3), call) == ["0", "1", "2"]
    assert call_in_halves([], call) == []
    assert asked == [[0, 1, 2]]


@pytest.mark.parametrize("error", [_busy(), ProviderError("the key is wrong", about="account")])
def test_errors_not_about_an_item_are_raised_at_once(error: ProviderError) -> None:
    batches = []

    def call(batch: Sequence[int]) -> list[str]:
        batches.append(batch)
        raise error

    with pytest.raises(ProviderError) as raised:
        call_in_halves([1, 2, 3], call)
    assert raised.value is error
    assert len(batches) == 1


def test_splitting_stops_when_everything_is_refused() -> None:
    asked, call = _refusing(*range(1024))
    results = call_in_halves(range(1024), call)
    assert len(results) == 1024
    assert all(isinstance(result, ProviderError) for result in results)
    assert len(asked) < 40
