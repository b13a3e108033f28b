"""The work of `diptych extract`: worker processes open the files, this one prints their parts in order."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from diptych.encoders.registry import load_encoder
from diptych.errors import ModelError, SourceError
from diptych.library.open_places import open_fetcher, open_places
from diptych.pipeline.discovery.selection import Selection
from diptych.pipeline.discovery.sources import find_sources
from diptych.pipeline.extract_ahead import extract_ahead
from diptych.places.places import Places
from diptych.printable import one_line
from diptych.settings import Settings
from extractors.addresses import is_elsewhere, local_path
from extractors.contact_sheet import write_contact_sheet
from extractors.errors import ExtractionError
from extractors.pictures.store import image_path
from extractors.sandbox.sandbox import Sandbox
from extractors.structure import count_structure
from extractors.table_grid import table_html, table_json
from extractors.temporary_folder import TemporaryFolder
from extractors.types import Extraction, Options, Passage, Picture, Source
from flows.output.progress import progress_display
from flows.output.terminal import ExitCode, build_table, print_json, print_message, print_output
from flows.output.wording import pluralize


def extract_files(paths: Sequence[str], settings: Settings, as_json: bool, out: Path | None) -> ExitCode:
    """Extract files, print their parts, and return the exit code. Raises `SourceError` if `paths` hold no document."""
    fetch = open_fetcher(settings, retry=True, for_query=False)
    reports: list[dict[str, object]] = []
    with _picture_folder(out) as pictures, settings.sandbox() as sandbox, progress_display() as progress:
        places = open_places(settings, sandbox.unpack)
        found = find_sources(paths, fetch, Selection(settings.include, settings.exclude), places=places)
        progress.on_sources(len(found.sources), found.skipped)
        for source, result in _extract_in_order(found.sources, settings, sandbox, places, pictures):
            progress.advance(source.name)
            _print_result(result, as_json, pictures if out else None)
            if out and isinstance(result, Extraction):
                name = source.name.replace("/", "_").replace("#", "-")
                # The number distinguishes documents of the same name.
                write_contact_sheet(result, pictures, out / f"{len(reports) + 1:03}-{name}.html")
            reports.append(report_record(source, result))
    if out:
        (out / "report.json").write_text(json.dumps(reports, ensure_ascii=False, indent=1), encoding="utf-8")
        print_message(f"pictures, contact sheets and report.json are in {out}")
    statuses = {report["status"] for report in reports}
    if "failed" in statuses:
        return ExitCode.FAILED
    return ExitCode.PARTIAL if "partial" in statuses else ExitCode.COMPLETE


def _print_result(result: Extraction | ExtractionError, as_json: bool, pictures: Path | None) -> None:
    if isinstance(result, ExtractionError):
        print_message(f"failed     {result}")
    elif as_json:
        for record in part_records(result, pictures):
            print_json(record)
    else:
        print_output(*extraction_summary(result))


def _extract_in_order(
    sources: Sequence[Source], settings: Settings, sandbox: Sandbox, places: Places, pictures: Path
) -> Iterator[tuple[Source, Extraction | ExtractionError]]:
    """Yield each source with its extraction, in order, while the next ones are being extracted."""
    options = _extraction_options(settings)

    def read(source: Source) -> tuple[Extraction, ExitStack]:
        with ExitStack() as opened:
            extraction = sandbox.extract(opened.enter_context(places.opened(source)), options, pictures)
            return extraction, opened.pop_all()

    for source, found in extract_ahead(sources, read, settings.workers):
        if isinstance(found, ExtractionError):
            yield source, found
            continue
        extraction, opened = found
        with opened:  # contact sheets show the file
            yield source, extraction


def _extraction_options(settings: Settings) -> Options:
    """The options of an ingest. Without the encoder, passages are measured in characters."""
    try:
        encoder = load_encoder(settings.encoder, settings.for_role("encoder"))
        return settings.options(encoder.tokenizer, encoder.max_tokens)
    except ModelError as error:
        print_message(f"note       passages are measured in characters instead of tokens: {error}")
        return settings.options(None)


@contextmanager
def _picture_folder(out: Path | None) -> Iterator[Path]:
    """A folder below `out`, or a temporary one."""
    if out is None:
        with TemporaryFolder() as folder:
            yield folder
        return
    try:
        (out / "pictures").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"{out}: cannot be written to: {error.strerror}; choose another --out") from error
    yield out / "pictures"


def part_records(extraction: Extraction, pictures: Path | None) -> Iterator[dict[str, object]]:
    """A JSON record for every part, page by page, passages before pictures.

    `pictures`: the folder of the picture files, None if they are not kept.
    """
    common = {"source": _source_path(extraction.source), "document": extraction.source.name}
    parts: list[Passage | Picture] = [*extraction.passages, *extraction.pictures]
    for part in sorted(parts, key=lambda part: part.page):
        yield {**common, **_part_record(part, pictures), "fields": dict(extraction.source.fields)}


def _part_record(part: Passage | Picture, pictures: Path | None) -> dict[str, object]:
    record: dict[str, object] = {
        "modality": "text" if isinstance(part, Passage) else "image",
        "kind": part.kind,
        "page": part.page,
        "bbox": [round(edge, 2) for edge in part.box] if part.box else None,
        "text": part.text if isinstance(part, Passage) else part.words,
        "caption": part.caption,
        "image": str(image_path(part.image, pictures)) if pictures and isinstance(part, Picture) else None,
        "label": part.label,
        "heading": list(part.heading),
    }
    if isinstance(part, Passage):
        table = table_json(part.table) if part.table else None
        html = table_html(part.table, part.caption) if part.table else ""
        reading = {"ocr": part.ocr, "doubtful": list(part.doubtful)}
        return {**record, "mentions": list(part.mentions), **reading, "table": table, "table_html": html}
    size = {"width": part.image.width, "height": part.image.height}
    return {**record, "context": list(part.context), "ocr": part.ocr, **size}


def _source_path(source: Source) -> str:
    """Path or address of the file, with `#id` for a catalogue row."""
    if is_elsewhere(source.uri):
        return local_path(source.uri)
    fragment = source.uri.partition("#")[2]
    return f"{source.path}#{fragment}" if fragment else str(source.path)


def report_record(source: Source, result: Extraction | ExtractionError) -> dict[str, object]:
    """The entry of one document in report.json."""
    common: dict[str, object] = {"source": _source_path(source), "document": source.name}
    if isinstance(result, ExtractionError):
        return {**common, "status": "failed", "error": str(result), "transient": result.transient}
    return {
        **common,
        "status": "partial" if result.report.problems else "complete",
        "passages": len(result.passages),
        **count_structure(result)._asdict(),
        "pictures": dict(Counter(picture.kind for picture in result.pictures)),
        **asdict(result.report),
        "seconds": {stage: round(value, 3) for stage, value in result.report.seconds.items()},
    }


def extraction_summary(extraction: Extraction) -> list[Table | str]:
    """A line of counts, a table of the pictures and tables, and the findings of the report."""
    report, structure = extraction.report, count_structure(extraction)
    seconds = ", ".join(f"{stage} {value:.2f}" for stage, value in report.seconds.items())
    lines: list[Table | str] = [
        f"{extraction.source.name}: {pluralize(report.pages, 'page')}, "
        f"{pluralize(len(extraction.passages), 'passage')}, {pluralize(len(extraction.pictures), 'picture')}, "
        f"{pluralize(report.captions_matched, 'caption')} matched, {pluralize(structure.headings, 'heading')}, "
        f"{pluralize(structure.tables_with_header + structure.tables_without_header, 'table')}"
        + (f" ({structure.tables_without_header} without a header)" if structure.tables_without_header else "")
        + (f"; seconds: {seconds}" if seconds else "")
    ]
    if rows := _summary_rows(extraction):
        lines.append(build_table(("kind", "place", "label", "caption or words", "pixels"), rows))
    for title, found in (
        ("captions without a picture", report.captions_unmatched),
        ("pages read by OCR", report.ocr_pages),
        ("pages that look visual but have no figure", report.flagged_pages),
        ("pages whose reading order is uncertain", report.uncertain_pages),
    ):
        if found:
            lines.append(f"  {title}: {', '.join(one_line(str(one), 80) for one in found)}")
    lines += [f"  missing, page {p.page}: {p.reason}" if p.page else f"  missing: {p.reason}" for p in report.problems]
    lines += [f"  note: {note}" for note in report.notes]
    return lines


def _summary_rows(extraction: Extraction) -> list[list[str]]:
    def row(part: Passage | Picture, kind: str, text: str, size: str) -> list[str]:
        place = f"page {part.page}" if extraction.paged else " > ".join(part.heading)
        return [kind, one_line(place, 60), part.label, one_line(part.caption or text, 90), size]

    pictures = [
        (part.page, row(part, part.kind, part.words, f"{part.image.width}×{part.image.height}"))
        for part in extraction.pictures
    ]
    tables = [
        (part.page, row(part, "table (text)", part.text, "")) for part in extraction.passages if part.kind == "table"
    ]
    return [cells for _, cells in sorted([*pictures, *tables], key=lambda item: item[0])]
