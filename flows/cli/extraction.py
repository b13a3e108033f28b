"""What `diptych extract` does: worker processes open the files, this one prints their parts in order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from diptych.encoders.registry import load_encoder
from diptych.errors import ModelError, SourceError
from diptych.pipeline.download import Limits, fetcher
from diptych.pipeline.sources import find_sources
from diptych.settings import Settings
from extractors.contact_sheet import write_contact_sheet
from extractors.errors import ExtractionError
from extractors.sandbox.sandbox import Sandbox
from extractors.types import Extraction, Options, Source
from flows.cli import extraction_records as parts
from flows.support import ingest_report as report
from flows.support.progress import display
from flows.support.terminal import json_line, put, say, show


def run(paths: Sequence[str], settings: Settings, as_json: bool, out: Path | None) -> int:
    """Extract, print, and give the exit code. Raises `SourceError` when there is nothing at `paths`."""
    found = find_sources(paths, fetcher(settings.cache / "downloads", Limits(private=settings.private_addresses)))
    reports: list[dict[str, object]] = []
    with _pictures(out) as pictures, display() as progress:
        progress.found(len(found.sources), found.left_out)
        for source, result in _extractions(found.sources, settings, pictures):
            progress.advance(source.name)
            if isinstance(result, ExtractionError):
                say(f"failed     {result}")
            else:
                _print(result, pictures if out else None, as_json)
            if out and isinstance(result, Extraction):
                write_contact_sheet(result, pictures, out / _sheet(source, len(reports)))
            reports.append(parts.report_record(source, result))
    if out:
        (out / "report.json").write_text(json.dumps(reports, ensure_ascii=False, indent=1), encoding="utf-8")
        say(f"pictures, contact sheets and report.json lie in {out}")
    statuses = {one["status"] for one in reports}
    return report.FAILED if "failed" in statuses else report.PARTIAL if "partial" in statuses else report.COMPLETE


def _extractions(
    sources: Sequence[Source], settings: Settings, pictures: Path
) -> Iterator[tuple[Source, Extraction | ExtractionError]]:
    """Each source with its parts, in order; those that follow are extracted meanwhile."""
    chosen = _options(settings)
    with (
        Sandbox(settings.workers, settings.document_seconds, settings.document_memory_mb) as sandbox,
        ThreadPoolExecutor(settings.workers) as pool,
    ):
        running = [pool.submit(sandbox.extract, source, chosen, pictures) for source in sources]
        try:
            for source, future in zip(sources, running, strict=True):
                try:
                    yield source, future.result()
                except ExtractionError as error:
                    yield source, error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            sandbox.close()  # else the pool's threads would wait for its workers
            raise


def _options(settings: Settings) -> Options:
    """As an ingest would extract; where the encoder is missing, passages are measured by their characters."""
    try:
        tokenizer = load_encoder(settings.encoder, settings).tokenizer
    except ModelError as error:
        say(f"note       passages are measured by their characters, not by tokens: {error}")
        tokenizer = None
    return settings.options(tokenizer)


@contextmanager
def _pictures(out: Path | None) -> Iterator[Path]:
    """The folder that pictures are written to: below `out`, or one that is removed at the end."""
    if out is None:
        with TemporaryDirectory(prefix="diptych-") as folder:
            yield Path(folder)
        return
    try:
        (out / "pictures").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"{out}: cannot be written to: {error.strerror}; give another --out") from error
    yield out / "pictures"


def _sheet(source: Source, number: int) -> str:
    """`001-manual.pdf.html`: the number keeps documents of one name apart."""
    return f"{number + 1:03}-{source.name.replace('/', '_').replace('#', '-')}.html"


def _print(extraction: Extraction, pictures: Path | None, as_json: bool) -> None:
    if as_json:
        for record in parts.records(extraction, pictures):
            put(json_line(record))
    else:
        show(*parts.summary(extraction))
