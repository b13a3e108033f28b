"""manual.pdf: cover, contents, and the text of manual.md with its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from extractors.pdf.render import pymupdf
from samples import photos
from samples.charts import CHARTS
from samples.diagrams import DIAGRAMS
from samples.flow import CODE, FULL, LEFT, PAGE, Drawing, Flow, Record
from samples.parts import PARTS
from samples.sheet import CORAL, GREY, INK, SEA, WHITE, Sheet
from samples.typeset import parse

DATE = "D:20250303090000Z"
TEXT = Path(__file__).with_name("manual.md")


def _framed(sheet: Sheet, box: tuple[float, float, float, float], picture: bytes) -> None:
    sheet.image(box, picture)
    sheet.rect(box, None, GREY, 0.5)


def inside(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """The open case with a letter at each part."""
    scale = wide / 940
    _framed(sheet, (x, y, x + wide, y + 760 * scale), photos.inside())
    spots = {"A": (236, 500), "B": (406, 400), "C": (606, 440), "D": (470, 612), "E": (640, 178), "F": (768, 420)}
    for letter, (across, down) in spots.items():
        sheet.balloon((x + across * scale, y + down * scale), letter)


def panel(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """The control panel with letters around it."""
    scale, top = wide / 940, y + 20
    _framed(sheet, (x, top, x + wide, top + 560 * scale), photos.panel())
    for letter, across, down in (("A", 320, 90), ("B", 632, 132), ("G", 772, 258)):
        sheet.balloon((x + across * scale, y + 8), letter, (x + across * scale, top + down * scale))
    for index, letter in enumerate("CDEF"):
        at = x + (140 + 120 * index) * scale
        sheet.balloon((at, top + 560 * scale + 12), letter, (at, top + 512 * scale))


def plate(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """The rating plate, nothing drawn on it."""
    _framed(sheet, (x, y, x + wide, y + wide * 520 / 900), photos.plate())


def filters(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """Three pictures of one cartridge under one caption."""
    each = (wide - 24) / 3
    for index, age in enumerate("abc"):
        left = x + index * (each + 12)
        _framed(sheet, (left, y, left + each, y + each * 560 / 460), photos.cartridge(age))
        sheet.text((left + each / 2, y + each * 560 / 460 + 12), f"({age})", "bold", 8.5, INK, "center")


RASTERS = {
    "inside": Drawing(191, inside),
    "panel": Drawing(183, panel),
    "plate": Drawing(137, plate),
    "filters": Drawing(206, filters),
}


def _cover(document: Any) -> None:
    sheet = Sheet(document.new_page(width=PAGE[0], height=PAGE[1]))
    sheet.image((0, 190, PAGE[0], 190 + PAGE[0] * 0.86), photos.cover())
    sheet.rect((0, 0, PAGE[0], 190), SEA)
    sheet.rect((0, 186, PAGE[0], 190), CORAL)
    sheet.text((LEFT, 84), "BRINEWELL", "bold", 15, (0.75, 0.86, 0.92))
    sheet.text((LEFT, 126), "W40 Watermaker", "bold", 36, WHITE)
    sheet.text((LEFT, 156), "Operator and service manual", "sans", 16, WHITE)
    sheet.text((LEFT, 744), "Portable reverse osmosis for camps, boats and field stations", "bold", 12, SEA)
    sheet.text((LEFT, 763), "Left-hand version, from serial number BW40-01900", "sans", 10, INK)
    sheet.line([(LEFT, 786), (PAGE[0] - LEFT, 786)], SEA, 0.7)
    sheet.text((LEFT, 802), CODE, "sans", 8.5, GREY)
    sheet.text((PAGE[0] - LEFT, 802), "Read before the first start", "sans", 8.5, GREY, "right")
    sheet.commit()


def _contents(sheet: Sheet, record: Record) -> None:
    sheet.text((LEFT, 100), "Contents", "bold", 22, SEA)
    sheet.line([(LEFT, 112), (PAGE[0] - LEFT, 112)], CORAL, 1.2)
    y = 126.0
    for level, title, page in record.headings:
        name, size = ("bold", 9.6) if level == 1 else ("sans", 9.2)
        y += 6 if level == 1 else 0
        number, _, words = title.partition(" ")
        start = LEFT + (0 if level == 1 else 18)
        sheet.text((start, y), number, name, size, CORAL if level == 1 else GREY)
        end = start + 26 + sheet.text((start + 26, y), words, name, size, SEA if level == 1 else INK)
        sheet.line([(end + 6, y - 2), (LEFT + FULL - 22, y - 2)], GREY, 0.5, "[0.6 3] 0")
        sheet.text((LEFT + FULL, y), str(page), name, size, INK, "right")
        y += 12.4
    sheet.text((LEFT, PAGE[1] - 34), CODE, "sans", 7.5, GREY)
    sheet.text((PAGE[0] - LEFT, PAGE[1] - 34), "2", "bold", 8.5, SEA, "right")
    sheet.commit()


def make(target: Path) -> Record:
    """Write the manual to `target`; return the pages of its figures, tables and headings."""
    document = pymupdf().open()
    _cover(document)
    document.new_page(width=PAGE[0], height=PAGE[1])
    flow = Flow(document, {**CHARTS, **DIAGRAMS, **PARTS, **RASTERS})
    blocks = parse(TEXT.read_text(encoding="utf-8"))
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        flow.add(block, following)
    record = flow.finish()
    _contents(Sheet(document[1]), record)
    document.set_toc([[1, "Contents", 2], *([level, title, page] for level, title, page in record.headings)])
    document.set_metadata(
        {
            "title": "Brinewell W40 Watermaker: Operator and service manual",
            "subject": CODE,
            "keywords": "watermaker, reverse osmosis, maintenance",
            "creationDate": DATE,
            "modDate": DATE,
        }
    )
    document.subset_fonts()
    document.save(target, garbage=4, deflate=True, use_objstms=1, no_new_id=True)
    document.close()
    return record
