"""An HTML contact sheet of one extraction: each page with the boxes drawn, the crops and their captions beside it.

One file and a folder of page images, opened from disk; no script, and every word of the document is escaped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from extractors.errors import ExtractionError
from extractors.pdf.render import pymupdf, render_page
from extractors.pictures.store import image_path
from extractors.types import Box, Extraction, Passage, Picture

_DPI = 60.0
_MOST_PAGES = 400
"""Pages that are drawn; a longer document's sheet would be too long to look through."""

_COUNTED = {
    "figure": "figures and panels", "compound": "figures of several panels", "table": "tables", "photo": "photos",
    "slide": "slides", "page": "page images",
}  # fmt: skip

_STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem; color: #222; background: #f4f4f2 }
h1 { font-size: 1.3rem; margin: 0 } h2 { font-size: 1rem; margin: 0 0 .4rem }
section { display: grid; grid-template-columns: minmax(20rem, 34rem) 1fr; gap: 1.2rem; margin: 1.2rem 0;
  padding: 1rem; background: #fff; border: 1px solid #ddd; border-radius: 4px }
.page { position: relative; align-self: start; border: 1px solid #bbb; background: #fff }
.page > img { display: block; width: 100% }
.box { position: absolute; border: 2px solid; box-sizing: border-box }
.box b { position: absolute; top: 0; left: 0; font-size: 10px; line-height: 1.2; color: #fff; padding: 0 3px }
.text { border: 1px solid #bbb } .notes { border: 1px dashed #a60 }
.figure { border-color: #06c } .figure b { background: #06c }
.compound { border: 2px dashed #0ac } .compound b { background: #0ac; top: auto; bottom: 0 }
.table { border-color: #080 } .table b { background: #080 }
.photo { border-color: #909 } .photo b { background: #909 }
.crops { display: flex; flex-wrap: wrap; gap: 1rem; align-content: flex-start }
figure { margin: 0; max-width: 20rem } figure img { max-width: 100%; max-height: 18rem; border: 1px solid #ddd }
figcaption { font-size: 12px } .flag { color: #b00; font-weight: 600 } dl { columns: 3; font-size: 12px }
dt { font-weight: 600 } dd { margin: 0 0 .3rem }
"""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A page as it is shown."""

    image: Path
    width: float
    """Points, as all boxes of the page."""
    height: float


def write(extraction: Extraction, pictures: Path, out: Path) -> None:
    """Write the sheet to the file `out`; `pictures` is the folder that the extraction's images lie in.

    Page images go to a folder beside it, named like it. A page that cannot be drawn is shown as its crops alone.
    """
    sheets = dict(_sheets(extraction, pictures, out.with_suffix("")))
    numbers = sorted({*sheets, *(p.page for p in extraction.pictures), *extraction.report.flagged_pages})
    parts = [_head(extraction)]
    for number in numbers[:_MOST_PAGES]:
        parts.append(_page(extraction, number, sheets.get(number), pictures, out.parent))
    if len(numbers) > _MOST_PAGES:
        parts.append(f"<p>{len(numbers) - _MOST_PAGES} more pages are not shown.</p>")
    document = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(extraction.source.name)}: contact sheet</title><style>{_STYLE}</style></head>\n"
        f"<body>\n{''.join(parts)}</body></html>\n"
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(document, encoding="utf-8")


# --- page images --------------------------------------------------------------------------------------------------


def _sheets(extraction: Extraction, pictures: Path, folder: Path) -> Iterator[tuple[int, _Sheet]]:
    """An image of every page: the one that was kept, else a small one drawn now (PDF only)."""
    # A page that was read by OCR may be kept upright; the boxes are those of the page as it is displayed.
    turned = extraction.report.ocr_pages if extraction.source.path.suffix.lower() == ".pdf" else ()
    whole = [p for p in extraction.pictures if p.kind in ("page", "slide") and p.page not in turned]
    kept = {picture.page: picture for picture in whole}
    for number, picture in kept.items():
        box = picture.box or (0.0, 0.0, float(picture.image.width), float(picture.image.height))
        yield number, _Sheet(image_path(picture.image, pictures), box[2], box[3])
    if extraction.source.path.suffix.lower() == ".pdf":
        yield from _drawn(extraction, folder, set(kept))


def _drawn(extraction: Extraction, folder: Path, kept: set[int]) -> Iterator[tuple[int, _Sheet]]:
    try:
        document = pymupdf().open(extraction.source.path)
    except Exception:  # the file is gone or changed since: the sheet still shows the crops
        return
    with document:
        for index in range(min(document.page_count, extraction.report.pages, _MOST_PAGES)):
            if index + 1 in kept:
                continue
            try:
                page = document[index]
                image = render_page(page, _DPI)
                target = folder / f"{index + 1:04}.jpg"
                folder.mkdir(parents=True, exist_ok=True)
                image.convert("RGB").save(target, quality=70)
            except (ExtractionError, RuntimeError, ValueError):
                continue
            yield index + 1, _Sheet(target, float(page.rect.width), float(page.rect.height))


# --- HTML ---------------------------------------------------------------------------------------------------------


def _head(extraction: Extraction) -> str:
    report = extraction.report
    kinds = [picture.kind for picture in extraction.pictures]
    facts: dict[str, object] = {
        "pages": report.pages,
        "passages": len(extraction.passages),
        **{_COUNTED.get(kind, kind): kinds.count(kind) for kind in dict.fromkeys(kinds)},
        "captions matched": report.captions_matched,
        "captions without a figure": "; ".join(text[:60] for text in report.captions_unmatched) or "none",
        "pages read by OCR": _list(report.ocr_pages),
        "pages flagged": _list(report.flagged_pages),
        "seconds": ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in report.seconds.items()),
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in facts.items())
    remarks = [
        *(f"page {problem.page}: {problem.reason}" if problem.page else problem.reason for problem in report.problems),
        *report.notes,
    ]
    listed = "".join(f'<li class="flag">{escape(remark)}</li>' for remark in remarks)
    return f"<h1>{escape(extraction.title or extraction.source.name)}</h1>\n<dl>{rows}</dl>\n<ul>{listed}</ul>\n"


def _list(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"


def _page(extraction: Extraction, number: int, sheet: _Sheet | None, pictures: Path, base: Path) -> str:
    found = [picture for picture in extraction.pictures if picture.page == number]
    crops = [picture for picture in found if picture.kind not in ("page", "slide")]
    passages = [passage for passage in extraction.passages if passage.page == number]
    flagged = number in extraction.report.flagged_pages
    note = '<p class="flag">looks visual, but no figure was found</p>' if flagged else ""
    heading = f"<h2>page {number}</h2>{note}"
    drawn = _sheet(sheet, crops, passages, base) if sheet else ""
    shown = "".join(_crop(picture, pictures, base) for picture in crops)
    return f'<section id="page-{number}"><div>{heading}{drawn}</div><div class="crops">{shown}</div></section>\n'


def _sheet(sheet: _Sheet, crops: Sequence[Picture], passages: Sequence[Passage], base: Path) -> str:
    boxes = [_box(passage.box, passage.kind, "", sheet) for passage in passages if passage.box]
    boxes += [_box(crop.box, crop.kind, _name(crop), sheet) for crop in crops if crop.box]
    return f'<div class="page"><img src="{_link(sheet.image, base)}" alt="">{"".join(boxes)}</div>'


def _box(box: Box, kind: str, label: str, sheet: _Sheet) -> str:
    place = {
        "left": box[0] / sheet.width,
        "top": box[1] / sheet.height,
        "width": (box[2] - box[0]) / sheet.width,
        "height": (box[3] - box[1]) / sheet.height,
    }
    style = ";".join(f"{name}:{100 * value:.2f}%" for name, value in place.items())
    name = f"<b>{escape(label)}</b>" if label else ""
    return f'<div class="box {escape(kind)}" style="{style}">{name}</div>'


def _crop(picture: Picture, pictures: Path, base: Path) -> str:
    source = _link(image_path(picture.image, pictures), base)
    size = f"{picture.image.width} × {picture.image.height}"
    title = escape(_name(picture))
    return (
        f'<figure><a href="{source}"><img loading="lazy" src="{source}" alt="{title}"></a>'
        f"<figcaption><b>{title}</b> <small>{size}</small><br>{escape(picture.caption) or '<i>no caption</i>'}"
        "</figcaption></figure>"
    )


def _name(picture: Picture) -> str:
    whole = ", whole" if picture.kind == "compound" else ""
    return f"{picture.label or picture.kind}{whole}"


def _link(path: Path, base: Path) -> str:
    """A relative address, so that the folder can be moved."""
    return escape(quote(os.path.relpath(path, base).replace(os.sep, "/")))
