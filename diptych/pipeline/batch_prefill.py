"""What a backfill asks of paid models, asked beforehand through batch endpoints; the run itself finds it known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from diptych.errors import NoBatches
from diptych.models.ledger import Ledger
from diptych.models.meter import Meter
from diptych.pipeline.batch_captions import CaptionJob
from diptych.pipeline.batch_run import BatchJob, BatchProgress, BatchRun, PrefillResult
from diptych.pipeline.batch_vectors import VectorJob
from diptych.pipeline.extraction import extract_ahead
from diptych.pipeline.ingest import Pipeline
from diptych.pipeline.requirements import MissingVectors, missing_vectors
from extractors.errors import ExtractionError
from extractors.types import Extraction, Source

T = TypeVar("T")


class Prefill:
    """Captions first, then the vectors of texts, since captions are among the texts."""

    def __init__(
        self,
        pipeline: Pipeline,
        ledger: Ledger,
        meter: Meter,
        workers: int,
        poll_seconds: float,
        on_wait: Callable[[BatchProgress], None] | None = None,
    ) -> None:
        """`poll_seconds`: between the first looks at a batch. `on_wait` is told after every look."""
        self._pipeline, self._ledger, self._meter = pipeline, ledger, meter
        self._workers, self._poll, self._on_wait = workers, poll_seconds, on_wait

    def __call__(self, sources: Sequence[Source]) -> list[PrefillResult]:
        """One outcome for each paid model that a run would ask, those without batches included.

        Raises as `diptych.pipeline.batch_run.Run` does; running again goes on with the batches that are under way.
        """
        if sources and self._pipeline.check_keys:
            self._pipeline.check_keys()
        return [made for made in (self._captions(sources), self._vectors(sources)) if made]

    def _captions(self, sources: Sequence[Source]) -> PrefillResult | None:
        captioner = self._pipeline.captioner
        if captioner is None:
            return None
        name, batches = captioner.model.name, captioner.model.batch_api
        if batches is None:
            return PrefillResult("captions", name, note=_one_by_one(name))
        return self._run(CaptionJob(captioner, batches, self._ledger, self._meter, self._pipeline.pictures), sources)

    def _vectors(self, sources: Sequence[Source]) -> PrefillResult | None:
        pipeline = self._pipeline
        encoder, captioner = pipeline.spaces.text, pipeline.captioner
        if not encoder.paid:
            return None
        batches = encoder.batches
        if batches is None:
            return PrefillResult("embeddings", encoder.paid, note=_one_by_one(encoder.paid))
        reading = pipeline.spaces.encoding_config(pipeline.language)

        def lacking(extraction: Extraction) -> MissingVectors:
            seen = captioner.known_captions(extraction, pipeline.pictures) if captioner else []
            return missing_vectors(extraction, seen, reading, pipeline.store)

        return self._run(VectorJob(encoder.fingerprint, batches, self._ledger, self._meter, lacking), sources)

    def _run(self, job: BatchJob[T], sources: Sequence[Source]) -> PrefillResult:
        run = BatchRun(job, self._extracted, self._ledger, self._meter, self._poll, self._on_wait)
        try:
            return run(sources)
        except NoBatches:
            return PrefillResult(job.kind, job.model, note=_one_by_one(job.model))

    def _extracted(self, sources: Sequence[Source]) -> Iterator[tuple[Source, Extraction | ExtractionError]]:
        pipeline = self._pipeline

        def extract(source: Source) -> Extraction:
            pipeline.check_disk_space()
            return pipeline.sandbox.extract(source, pipeline.options, pipeline.pictures)

        return extract_ahead(sources, extract, self._workers)


def _one_by_one(model: str) -> str:
    return f"{model} has no batch endpoint here: its requests go out one by one, at the whole price"


def progress_line(waiting: BatchProgress) -> str:
    """For people, while batches are under way."""
    under_way = f"{_batches(waiting.batches)} under way"
    return f"{waiting.model}: {waiting.answered} of {waiting.total} {waiting.kind} answered, {under_way}"


def result_line(result: PrefillResult) -> str:
    """For people, afterwards."""
    if result.note:
        return result.note
    parts = [f"{result.model}: {result.sent} {result.kind} sent in {_batches(result.batches)}"]
    if result.resumed:
        parts.append(f"{_batches(result.resumed)} of an earlier run taken in")
    if result.failed:
        reason = next(iter(result.failed.values()))
        parts.append(f"{len(result.failed)} without an answer, which the run asks for one by one ({reason})")
    if result.stopped:
        parts.append(result.stopped)
    return "; ".join(parts)


def _batches(number: int) -> str:
    return f"{number} batch{'' if number == 1 else 'es'}"
