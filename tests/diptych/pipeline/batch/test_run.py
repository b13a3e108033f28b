"""Batches are packed, sent, waited for and collected, despite kills, partial answers and budgets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from diptych.errors import ProviderError, SettingsError
from diptych.models.ledger import BatchKind, Ledger, LedgerCaption, OpenBatch
from diptych.models.meter import Meter
from diptych.pipeline.batch.run import BatchProgress, BatchRequest, BatchRun, PrefillResult
from diptych.prices import Price, Usage
from extractors.errors import ExtractionError
from extractors.types import Extraction, Passage, Source
from tests.support.fakes import document, source

CENT = Price(input=0.0, output=20.0)
"""A thousand output tokens cost a cent in a batch."""


class Endpoint:
    """A provider that ends a batch at the second check and answers every request, unless configured otherwise."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.checks: dict[str, int] = {}
        self.unanswered: set[str] = set()
        """Keys that are never answered."""
        self.errors: list[ProviderError] = []
        """Raised by the next checks, in order."""
        self.max_open_batches = 1000
        """Maximum number of open batches; later ones fail as a whole."""


class WordJob:
    """Requests every word of a document; the answer is the word in capitals and costs a cent."""

    kind: BatchKind = "captions"
    model = "m"
    max_requests = 3
    max_bytes = 1000

    def __init__(self, endpoint: Endpoint, ledger: Ledger, meter: Meter) -> None:
        self.endpoint, self.ledger, self.meter = endpoint, ledger, meter

    def missing_requests(self, extraction: Extraction) -> Iterator[BatchRequest[str]]:
        words = [word for passage in extraction.passages for word in passage.text.split()]
        known = self.ledger.captions(words)
        for word in words:
            if word not in known:
                yield BatchRequest(word, word, 10 * len(word), Usage(output_tokens=1000, requests=1))

    def send(self, requests: Sequence[BatchRequest[str]]) -> str:
        self.endpoint.batches.append([request.key for request in requests])
        return f"b{len(self.endpoint.batches)}"

    def progress(self, batch: str) -> tuple[bool, int, int]:
        if self.endpoint.errors:
            raise self.endpoint.errors.pop(0)
        under_way = [one.id for one in self.ledger.open_batches("m")]
        if batch in under_way and under_way.index(batch) >= self.endpoint.max_open_batches:
            raise ProviderError("the queue is full")
        checks = self.endpoint.checks[batch] = self.endpoint.checks.get(batch, 0) + 1
        size = len(self.endpoint.batches[int(batch[1:]) - 1])
        return checks > 1, size if checks > 1 else 0, size

    def collect(self, batch: OpenBatch) -> dict[str, str]:
        failed = {}
        for (key,) in batch.items.values():
            if key in self.endpoint.unanswered:
                failed[key] = f"{key} expired"
            elif key not in self.ledger.captions([key]):
                self.meter.spend(self.model, Usage(output_tokens=1000, requests=1, batched=True))
                self.ledger.add_caption(key, LedgerCaption(self.model, key.upper()))
        return failed


class WordRun:
    """A run over documents that consist of words, with a scripted endpoint."""

    def __init__(self, folder: Path, budget: float | None = None) -> None:
        self.ledger, self.meter, self.endpoint = Ledger(folder), Meter({"m": CENT}, budget), Endpoint()
        self.job = WordJob(self.endpoint, self.ledger, self.meter)
        self.read: list[str] = []
        """Names of the documents that were extracted."""
        self.slept: list[float] = []
        self.waited: list[BatchProgress] = []

    def __call__(self, *texts: str, sleep: Callable[[float], None] | None = None) -> PrefillResult:
        run = BatchRun(
            self.job, self._extracted, self.ledger, self.meter, 10, self.waited.append, sleep or self.slept.append
        )
        return run.run([source(text or "broken") for text in texts])

    def _extracted(self, sources: Sequence[Source]) -> Iterator[tuple[Source, Extraction | ExtractionError]]:
        for one in sources:
            self.read.append(one.name)
            parts = document(Passage(one.name, 1))
            yield one, ExtractionError("cannot be read") if one.name == "broken" else parts

    def answers(self, *words: str) -> list[str]:
        return sorted(caption.text for caption in self.ledger.captions(words).values())


def test_missing_requests_are_sent_once_within_the_limits(tmp_path: Path) -> None:
    bench = WordRun(tmp_path)
    result = bench("a b a", "c b d", "")
    assert bench.endpoint.batches == [["a", "b", "c"], ["d"]]
    assert bench.answers("a", "b", "c", "d") == ["A", "B", "C", "D"]
    assert (result.sent, result.batches, result.resumed, result.failed, result.stopped) == (4, 2, 0, {}, "")
    assert bench.ledger.open_batches("m") == []
    assert bench.meter.spent == pytest.approx(0.04)
    again = bench("a b a", "c b d")
    assert (again.sent, len(bench.endpoint.batches)) == (0, 2)


def test_two_processes_do_not_send_the_same_request_in_two_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = WordRun(tmp_path), WordRun(tmp_path)
    sending, waiting = threading.Event(), threading.Event()

    def send_late(requests: Sequence[BatchRequest[str]]) -> str:
        sending.set()
        assert waiting.wait(60)
        return WordJob.send(one.job, requests)

    monkeypatch.setattr(one.job, "send", send_late)
    monkeypatch.setattr(other.ledger.claims, "wait", waiting.set)
    other.job.endpoint = one.endpoint
    first = threading.Thread(target=one, args=("a b",))
    first.start()
    assert sending.wait(60)
    result = other("a b c")
    first.join()
    assert one.endpoint.batches == [["a", "b"], ["c"]]
    assert (result.sent, result.failed) == (1, {})


def test_batches_are_limited_in_bytes_and_a_large_request_is_sent_alone(tmp_path: Path) -> None:
    bench = WordRun(tmp_path)
    bench(f"{'x' * 60} {'y' * 60} z {'w' * 200}")
    assert [[word[0] for word in batch] for batch in bench.endpoint.batches] == [["x"], ["y", "z"], ["w"]]


def test_pauses_grow_and_progress_is_reported(tmp_path: Path) -> None:
    bench = WordRun(tmp_path)
    bench.endpoint.checks["b1"] = -5
    bench("a b")
    assert bench.slept == pytest.approx([10, 15, 22.5, 33.75, 50.625, 75.9375])
    assert bench.waited[0] == BatchProgress("captions", "m", batches=1, answered=0, total=2)
    assert bench.waited[-1] == BatchProgress("captions", "m", batches=0, answered=2, total=2)


def test_failed_request_is_sent_again_and_only_its_document_is_extracted_again(tmp_path: Path) -> None:
    bench = WordRun(tmp_path)
    bench.endpoint.unanswered = {"b"}
    result = bench("a", "b", "c d")
    assert bench.endpoint.batches == [["a", "b", "c"], ["d"], ["b"]]
    assert result.failed == {"b": "b expired"}
    assert bench.read == ["a", "b", "c d", "b"]
    assert bench.answers("a", "b", "c", "d") == ["A", "C", "D"]


def test_batches_rejected_by_a_full_queue_are_sent_until_all_are_answered(tmp_path: Path) -> None:
    bench = WordRun(tmp_path)
    bench.endpoint.max_open_batches = 1
    result = bench("a b c d e f g h i j k l")
    assert bench.answers(*"abcdefghijkl") == list("ABCDEFGHIJKL")
    assert result.failed == {}
    assert [len(batch) for batch in bench.endpoint.batches] == [3] * (4 + 3 + 2 + 1)


def test_successful_second_attempt_leaves_no_failure(tmp_path: Path) -> None:
    bench = WordRun(tmp_path)
    bench.endpoint.unanswered = {"b"}

    def answer_from_now_on(seconds: float) -> None:
        if len(bench.endpoint.batches) == 2:
            bench.endpoint.unanswered = set()

    assert bench("a b", sleep=answer_from_now_on).failed == {}
    assert bench.answers("a", "b") == ["A", "B"]


def test_run_interrupted_while_waiting_resumes_without_sending_again(tmp_path: Path) -> None:
    first = WordRun(tmp_path)

    def die(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first("a b c d", sleep=die)
    second = WordRun(tmp_path)
    second.endpoint = second.job.endpoint = first.endpoint
    result = second("a b c d e")
    assert first.endpoint.batches == [["a", "b", "c"], ["d"], ["e"]]
    assert (result.resumed, result.sent) == (2, 1)
    assert second.answers("a", "b", "c", "d", "e") == ["A", "B", "C", "D", "E"]
    assert second.meter.spent == pytest.approx(0.05)


def test_run_interrupted_while_collecting_counts_no_answer_twice(tmp_path: Path) -> None:
    bench = WordRun(tmp_path)
    bench("a b c")
    resumed = WordRun(tmp_path)
    resumed.endpoint = resumed.job.endpoint = bench.endpoint
    bench.endpoint.batches.append(["a", "b", "x"])
    resumed.ledger.add_batch(OpenBatch("b2", "m", "captions", {"1": ["a"], "2": ["b"], "3": ["x"]}))
    resumed("a b c")
    assert resumed.meter.spent == pytest.approx(0.01)
    assert resumed.answers("a", "b", "c", "x") == ["A", "B", "C", "X"]


def test_budget_limits_what_is_sent_and_the_message_says_how_to_continue(tmp_path: Path) -> None:
    bench = WordRun(tmp_path, budget=0.045)
    result = bench("a b c d e f")
    assert bench.endpoint.batches == [["a", "b", "c"], ["d"]]
    assert "budget of $0.0450 is reached" in result.stopped
    assert "run again with a larger budget" in result.stopped
    assert bench.meter.spent == pytest.approx(0.04)
    assert bench.answers(*"abcdef") == ["A", "B", "C", "D"]


def test_answers_below_their_reservation_leave_room_for_more(tmp_path: Path) -> None:
    bench = WordRun(tmp_path, budget=0.025)
    spend = bench.meter.spend

    def spend_less(model: str, usage: Usage, *, counted: bool = True) -> float | None:
        return spend(model, Usage(output_tokens=400, requests=1, batched=True), counted=counted)

    bench.meter.spend = spend_less  # type: ignore[method-assign]
    result = bench("a b c d")
    assert bench.endpoint.batches == [["a", "b"], ["c"], ["d"]]
    assert result.stopped == ""
    assert bench.meter.spent == pytest.approx(0.016)


def test_budget_without_a_price_sends_nothing(tmp_path: Path) -> None:
    bench = WordRun(tmp_path)
    bench.meter = bench.job.meter = Meter({}, budget=1.0)
    with pytest.raises(SettingsError, match="price of m is unknown"):
        bench("a b")
    assert bench.endpoint.batches == []


def test_batches_of_earlier_runs_count_against_the_budget_first(tmp_path: Path) -> None:
    bench = WordRun(tmp_path, budget=0.025)
    bench.endpoint.batches.append(["x", "y"])
    bench.ledger.add_batch(OpenBatch("b1", "m", "captions", {"1": ["x"], "2": ["y"]}))
    result = bench("a b")
    assert bench.endpoint.batches == [["x", "y"]]  # two of two and a half cents are gone
    assert result.stopped


def test_temporary_failure_of_a_check_is_retried(tmp_path: Path) -> None:
    bench = WordRun(tmp_path)
    bench.endpoint.errors = [ProviderError("overloaded", transient=True)] * 3
    assert bench("a b").failed == {}
    assert bench.answers("a", "b") == ["A", "B"]


def test_provider_silent_for_too_long_ends_the_run_and_the_batch_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = WordRun(tmp_path)
    monkeypatch.setattr("diptych.pipeline.batch.run.MAX_SILENCE_SECONDS", -1.0)
    bench.endpoint.errors = [ProviderError("overloaded", transient=True)]
    with pytest.raises(ProviderError, match=r"m: overloaded\. .* run again"):
        bench("a b")
    assert len(bench.ledger.open_batches("m")) == 1


def test_batch_unknown_to_the_provider_is_sent_again(tmp_path: Path) -> None:
    bench = WordRun(tmp_path)
    bench.ledger.add_batch(OpenBatch("b9", "m", "captions", {"1": ["a"]}))
    bench.endpoint.errors = [ProviderError("no such batch")]
    assert bench("a").failed == {}
    assert bench.endpoint.batches == [["a"]]
    assert bench.answers("a") == ["A"]


def test_rejected_key_ends_the_run_and_the_batch_stays_open(tmp_path: Path) -> None:
    bench = WordRun(tmp_path)
    bench.endpoint.errors = [ProviderError("the key is not valid", about="account")]
    with pytest.raises(ProviderError, match="not valid"):
        bench("a b")
    assert len(bench.ledger.open_batches("m")) == 1


def test_batch_that_never_ends_is_given_up(tmp_path: Path) -> None:
    bench = WordRun(tmp_path)
    bench.endpoint.batches.append(["a"])
    bench.endpoint.checks["b1"] = -1000
    old = (datetime.now(UTC) - timedelta(hours=30)).isoformat(timespec="seconds")
    bench.ledger.add_batch(OpenBatch("b1", "m", "captions", {"1": ["a"]}, old))
    bench("a")
    assert bench.answers("a") == ["A"]
    assert bench.endpoint.batches == [["a"], ["a"]]
    assert bench.ledger.open_batches("m") == []
