"""Send the paid requests of a backfill to batch endpoints first; the run itself finds the answers in the ledger."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from diptych.captioners.captioner import Captioner
from diptych.encoders.ledger_encoder import vector_key
from diptych.errors import NoBatches
from diptych.models.ledger import BatchKind, Ledger, OpenBatch
from diptych.models.meter import Meter
from diptych.models.openai.embeddings import EmbeddingBatchApi
from diptych.models.vision import BatchApi, BatchItem, VisionRequest
from diptych.pipeline.batch.run import BatchJob, BatchProgress, BatchRequest, BatchRun, PrefillResult
from diptych.pipeline.extract_ahead import extract_ahead
from diptych.pipeline.missing_vectors import MissingVectors, find_missing_vectors
from diptych.pipeline.pipeline import Pipeline
from diptych.prices import Usage
from extractors.errors import ExtractionError
from extractors.types import Extraction, Source

NO_ANSWER = "the batch has no answer to it"
T = TypeVar("T")


class CaptionJob:
    """A `BatchJob` for the pictures of a document that need a model caption."""

    kind: BatchKind = "captions"

    def __init__(self, captioner: Captioner, api: BatchApi, ledger: Ledger, meter: Meter, pictures: Path) -> None:
        self.model = captioner.model.name
        self.max_requests, self.max_bytes, self.progress = api.max_requests, api.max_bytes, api.progress
        self._captioner, self._api, self._ledger, self._meter = captioner, api, ledger, meter
        self._pictures = pictures
        self._max_usage: dict[str, Usage] = {}
        """Of the requests that this run has sent, for answers whose tokens the server does not count."""

    def missing_requests(self, extraction: Extraction) -> Iterator[BatchRequest[VisionRequest]]:
        for key, request in self._captioner.pending_requests(extraction, self._pictures):
            size = self._api.size(BatchItem(key, request))
            yield BatchRequest(key, request, size, self._captioner.model.max_usage(request))

    def send(self, requests: Sequence[BatchRequest[VisionRequest]]) -> str:
        self._max_usage |= {request.key: request.max_usage for request in requests}
        return self._api.submit([BatchItem(request.key, request.content) for request in requests])

    def collect(self, batch: OpenBatch) -> dict[str, str]:
        form = VisionRequest("", (), self._captioner.prompt.schema)
        replies = self._api.fetch(batch.id, lambda item: form if item in batch.items else None)
        # An answer that is in the ledger already was counted by the run that added it.
        keys = list(batch.items)
        known = self._ledger.captions(keys).keys() | self._ledger.unusable(keys).keys()
        failed: dict[str, str] = {}
        for key in batch.items.keys() - known:
            reply = replies.get(key, NO_ANSWER)
            if isinstance(reply, str):
                failed[key] = reply
                continue
            used = reply.charged_up_to(self._max_usage.get(key, reply.usage)).usage
            usage = replace(used, batched=True, requests=max(used.requests, 1))
            self._meter.spend(self.model, usage, counted=reply.counted)
            if reply.malformed:
                self._captioner.record_unusable(key, reply)
            else:
                self._captioner.record_reply(key, replace(reply, usage=usage))
        return failed


class TextVectorJob:
    """A `BatchJob` for the text vectors of a document, including descriptions whose captions are known."""

    kind: BatchKind = "embeddings"

    def __init__(
        self,
        fingerprint: str,
        api: EmbeddingBatchApi,
        ledger: Ledger,
        meter: Meter,
        find_missing: Callable[[Extraction], MissingVectors],
    ) -> None:
        """`fingerprint`: of the encoder, for the keys of its vectors in the ledger."""
        self.model = api.name
        self.max_requests, self.max_bytes, self.progress = api.max_requests, api.max_bytes, api.progress
        self._fingerprint, self._api, self._find_missing = fingerprint, api, find_missing
        self._ledger, self._meter = ledger, meter
        self._max_usage: dict[str, Usage] = {}
        """As in `CaptionJob`."""

    def missing_requests(self, extraction: Extraction) -> Iterator[BatchRequest[str]]:
        contents = [required.content for required in self._find_missing(extraction).vectors.values()]
        texts = {vector_key(self._fingerprint, text): text for text in contents if isinstance(text, str)}
        known = self._ledger.vectors(list(texts))
        for key, text in texts.items():
            if key not in known:
                yield BatchRequest(key, text, self._api.size(key, text), self._api.max_usage(text))

    def send(self, requests: Sequence[BatchRequest[str]]) -> str:
        self._max_usage |= {request.key: request.max_usage for request in requests}
        return self._api.submit([(request.key, request.content) for request in requests])

    def collect(self, batch: OpenBatch) -> dict[str, str]:
        answers = self._api.fetch(batch.id, lambda item: item in batch.items)
        known = self._ledger.vectors(list(batch.items))  # counted by the run that added them
        failed, vectors = {}, {}
        for key in batch.items.keys() - known.keys():
            answer = answers.get(key, NO_ANSWER)
            if isinstance(answer, str):
                failed[key] = answer
            else:
                counted = answer.usage.input_tokens > 0
                usage = answer.usage if counted else self._max_usage.get(key, answer.usage)
                self._meter.spend(self.model, replace(usage, batched=True, requests=1), counted=counted)
                vectors[key] = answer.vector
        self._ledger.add_vectors(vectors)
        return failed


@dataclass(frozen=True, slots=True)
class BatchPrefill:
    """Prefills captions, then text vectors, because captions are part of the texts."""

    pipeline: Pipeline
    ledger: Ledger
    meter: Meter
    workers: int
    poll_seconds: float
    """First pause between two checks of a batch."""
    on_wait: Callable[[BatchProgress], None] | None = None
    """Called after every check."""

    def run(self, sources: Sequence[Source]) -> list[PrefillResult]:
        """One result for each paid model of the pipeline, including those without a batch endpoint.

        Raises as `BatchRun.run` does. After an interruption, the next run continues with the open batches.
        """
        if sources and self.pipeline.check_models:
            self.pipeline.check_models()
        return [result for result in (self._prefill_captions(sources), self._prefill_vectors(sources)) if result]

    def _prefill_captions(self, sources: Sequence[Source]) -> PrefillResult | None:
        captioner = self.pipeline.captioner
        if captioner is None:
            return None
        api = captioner.model.batch_api
        if api is None:
            return PrefillResult("captions", captioner.model.name, note=_no_batch_endpoint(captioner.model.name))
        return self._run(CaptionJob(captioner, api, self.ledger, self.meter, self.pipeline.pictures), sources)

    def _prefill_vectors(self, sources: Sequence[Source]) -> PrefillResult | None:
        pipeline = self.pipeline
        encoder, captioner = pipeline.spaces.text, pipeline.captioner
        if not encoder.paid:
            return None
        if encoder.batches is None:
            return PrefillResult("embeddings", encoder.paid, note=_no_batch_endpoint(encoder.paid))
        config = pipeline.spaces.encoding_config(pipeline.language)

        def find_missing(extraction: Extraction) -> MissingVectors:
            captions = captioner.known_captions(extraction, pipeline.pictures) if captioner else []
            return find_missing_vectors(extraction, captions, config, pipeline.store)

        job = TextVectorJob(encoder.fingerprint, encoder.batches, self.ledger, self.meter, find_missing)
        return self._run(job, sources)

    def _run(self, job: BatchJob[T], sources: Sequence[Source]) -> PrefillResult:
        run = BatchRun(job, self._extract, self.ledger, self.meter, self.poll_seconds, self.on_wait)
        try:
            return run.run(sources)
        except NoBatches:
            return PrefillResult(job.kind, job.model, note=_no_batch_endpoint(job.model))

    def _extract(self, sources: Sequence[Source]) -> Iterator[tuple[Source, Extraction | ExtractionError]]:
        return extract_ahead(sources, self.pipeline.extract, self.workers)


def _no_batch_endpoint(model: str) -> str:
    return f"{model} has no batch endpoint here: its requests are sent one by one, at the full price"


def progress_line(progress: BatchProgress) -> str:
    """A line for the log while batches are open."""
    batches = _count_batches(progress.batches)
    return f"{progress.model}: {progress.answered} of {progress.total} {progress.kind} answered, {batches} under way"


def result_line(result: PrefillResult) -> str:
    """A line for the log after a prefill."""
    if result.note:
        return result.note
    parts = [f"{result.model}: {result.sent} {result.kind} sent in {_count_batches(result.batches)}"]
    if result.resumed:
        parts.append(f"{_count_batches(result.resumed)} of an earlier run collected")
    if result.failed:
        reason = next(iter(result.failed.values()))
        parts.append(f"{len(result.failed)} without an answer, sent again one by one ({reason})")
    if result.stopped:
        parts.append(result.stopped)
    return "; ".join(parts)


def _count_batches(number: int) -> str:
    return f"{number} batch{'' if number == 1 else 'es'}"
