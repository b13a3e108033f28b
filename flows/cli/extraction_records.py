"""Pure: what an extraction found, as plain data for scripts and as a summary for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from extractors.errors import ExtractionError
from extractors.pictures.store import image_path
from extractors.types import Box, Extraction, Passage, Picture, Source
from flows.support.ingest_report import number
from flows.support.terminal import one_line, table


def records(extraction: Extraction, pictures: Path | None) -> Iterator[dict[str, object]]:
    """Every part, page by page, passages before pictures. `pictures`: their folder, None when they are not kept."""
    common = {"source": _place(extraction.source), "document": extraction.source.name}
    units: list[Passage | Picture] = [*extraction.passages, *extraction.pictures]
    for unit in sorted(units, key=lambda unit: unit.page):
        data = _passage(unit) if isinstance(unit, Passage) else _picture(unit, pictures)
        yield {**common, **data, "fields": dict(extraction.source.fields)}


def report_record(source: Source, result: Extraction | ExtractionError) -> dict[str, object]:
    """The report of one document as plain data."""
    common: dict[str, object] = {"source": _place(source), "document": source.name}
    if isinstance(result, ExtractionError):
        return {**common, "status": "failed", "error": str(result), "transient": result.transient}
    kinds = Counter(part.kind for part in result.pictures)
    return {
        **common,
        "status": "partial" if result.report.problems else "complete",
        "passages": len(result.passages),
        "tables": sum(passage.kind == "table" for passage in result.passages),
        "pictures": dict(kinds),
        **asdict(result.report),
        "seconds": {stage: round(value, 3) for stage, value in result.report.seconds.items()},
    }


def summary(extraction: Extraction) -> list[Table | str]:
    """A table of pictures and tables under one line of counts, and the report's words."""
    report = extraction.report
    rows = [
        [kind, str(part.page), part.label, one_line(part.caption or _text(part), 90), size]
        for part, kind, size in _shown(extraction)
    ]
    seconds = ", ".join(f"{stage} {value:.2f}" for stage, value in report.seconds.items())
    lines: list[Table | str] = [
        f"{extraction.source.name}: {number(report.pages, 'page')}, {number(len(extraction.passages), 'passage')}, "
        f"{number(len(extraction.pictures), 'picture')}, {number(report.captions_matched, 'caption')} matched"
        + (f"; seconds: {seconds}" if seconds else "")
    ]
    if rows:
        lines.append(table(("kind", "#page", "label", "caption or words", "pixels"), rows))
    for name, found in (
        ("captions without a picture", report.captions_unmatched),
        ("pages read by OCR", report.ocr_pages),
        ("pages that look visual but gave no figure", report.flagged_pages),
    ):
        if found:
            lines.append(f"  {name}: {', '.join(one_line(str(one), 80) for one in found)}")
    lines += [f"  missing, page {p.page}: {p.reason}" if p.page else f"  missing: {p.reason}" for p in report.problems]
    lines += [f"  note: {note}" for note in report.notes]
    return lines


def _shown(extraction: Extraction) -> list[tuple[Passage | Picture, str, str]]:
    tables = [(passage, "table (text)", "") for passage in extraction.passages if passage.kind == "table"]
    pictures = [(part, part.kind, f"{part.image.width}×{part.image.height}") for part in extraction.pictures]
    return sorted([*pictures, *tables], key=lambda shown: shown[0].page)


def _text(part: Passage | Picture) -> str:
    return part.text if isinstance(part, Passage) else part.words


def _passage(passage: Passage) -> dict[str, object]:
    return {
        "modality": "text",
        "kind": passage.kind,
        "page": passage.page,
        "bbox": _box(passage.box),
        "text": passage.text,
        "caption": passage.caption,
        "image": None,
        "label": passage.label,
        "heading": list(passage.heading),
        "mentions": list(passage.mentions),
        "ocr": passage.ocr,
    }


def _picture(picture: Picture, pictures: Path | None) -> dict[str, object]:
    return {
        "modality": "image",
        "kind": picture.kind,
        "page": picture.page,
        "bbox": _box(picture.box),
        "text": picture.words,
        "caption": picture.caption,
        "image": str(image_path(picture.image, pictures)) if pictures else None,
        "label": picture.label,
        "heading": list(picture.heading),
        "context": list(picture.context),
        "ocr": picture.ocr,
        "width": picture.image.width,
        "height": picture.image.height,
    }


def _box(box: Box | None) -> list[float] | None:
    return [round(edge, 2) for edge in box] if box else None


def _place(source: Source) -> str:
    """The file's path; a catalogue row has its `#id`."""
    fragment = source.uri.partition("#")[2]
    return f"{source.path}#{fragment}" if fragment else str(source.path)
