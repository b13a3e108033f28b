"""scan.pdf: a service report, typed and filled in by hand, as a flatbed scanner would save it, without a text layer."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from extractors.pdf.render import pymupdf
from samples.sheet import INK, WHITE, Color, Sheet

DATE = "D:20250912140000Z"
PEN: Color = (0.16, 0.16, 0.22)
DPI = 150

HEAD = [
    ("Report no.", "SR-2025-0871"),
    ("Unit", "Brinewell W40, serial BW40-02417"),
    ("Place", "Skerry Point field station, boathouse"),
    ("Date of visit", "11 September 2025"),
    ("Motor hours", "1 284 h"),
    ("Reason", "yearly service, complaint about salty taste"),
]
READINGS = [
    ("Feed pressure", "62 kPa", "48 kPa"),
    ("Pressure drop over pre-filters", "20 kPa", "95 kPa"),
    ("Working pressure", "4.8 MPa", "4.6 MPa"),
    ("Output, Normal mode", "36 L/h", "29 L/h"),
    ("Salinity of fresh water", "310 mg/L", "640 mg/L"),
    ("Sea temperature", "-", "17 °C"),
    ("Current", "16.2 A", "17.9 A"),
]
FINDINGS = [
    "Both cartridges were brown to the core and have been replaced.",
    "Probe test: the reading jumped from 240 to 910 mg/L at 300 mm, so the",
    "O-ring of the fresh water tube was at fault, not the membrane.",
    "O-ring renewed; salinity fell to 295 mg/L within twenty minutes.",
    "Relief valve opened at 5.4 MPa: disc worn, new disc fitted, now 5.8 MPa.",
    "Weep hole dry. Oil clear, changed, 0.35 L.",
]
CHECKS = [
    ("Strainer clean, lead ring present", True),
    ("Hoses without cracks", True),
    ("Bonding to earth below 0.1 ohm", True),
    ("Emergency stop S2 stops the motor", True),
    ("Tank switch S3 stops the motor", False),
    ("Lid seal undamaged", False),
]
SPENT = [
    ("BW-1120", "Cartridge 20 µm", "1", "18.50"),
    ("BW-1105", "Cartridge 5 µm", "1", "21.00"),
    ("BW-3260", "Relief valve disc", "1", "34.80"),
    ("BW-4417", "O-ring, fresh water tube", "2", "6.40"),
    ("BW-9020", "Pump oil, 0.5 L", "1", "14.20"),
    ("BW-6080", "Tank switch S3", "1", "42.60"),
]
TOTAL = f"{sum(int(count) * float(price) for _, _, count, price in SPENT):.2f}"
ADVICE = [
    "Order a lid seal (BW-7012); the old one is torn near the left hinge.",
    "Move the brine hose: it ends only 2 m from the strainer.",
    "Next visit at 1 500 h or in March 2026, whichever is first.",
]
WORDS = (
    " ".join(" ".join(row) for rows in (HEAD, READINGS) for row in rows) + " " + " ".join(FINDINGS),
    "Safety check "
    + " ".join(text for text, _ in CHECKS)
    + " Total, EUR "
    + " ".join(" ".join(row) for row in SPENT)
    + TOTAL
    + " ".join(ADVICE),
)
"""What is written on each page, since the file cannot be asked."""


def _frame(sheet: Sheet, part: str) -> None:
    sheet.rect((52, 44, 543, 84), INK)
    sheet.text((64, 70), "SERVICE REPORT", "bold", 17, WHITE)
    sheet.text((531, 70), part, "sans", 11, WHITE, "right")
    sheet.text((52, 806), "Form BW-F-22, rev. 4", "sans", 8.5)
    sheet.text((543, 806), "White copy: owner. Yellow copy: workshop.", "sans", 8.5, INK, "right")


def _section(sheet: Sheet, y: float, title: str) -> float:
    sheet.text((52, y), title, "bold", 11.5)
    sheet.line([(52, y + 5), (543, y + 5)], INK, 1)
    return y + 26


def _first(sheet: Sheet) -> None:
    _frame(sheet, "page 1 of 2")
    y = 112.0
    for name, value in HEAD:
        sheet.text((52, y), name, "sans", 10)
        sheet.text((152, y - 1), value, "hand", 14, PEN)
        sheet.line([(150, y + 4), (543, y + 4)], INK, 0.5, "[1 2] 0")
        y += 25
    y = _section(sheet, y + 12, "1  Readings")
    edges = (52, 270, 406, 543)
    for index, row in enumerate([("Quantity", "At delivery", "Found"), *READINGS]):
        for edge, cell in zip(edges, row, strict=False):
            typed = index == 0 or edge == edges[0]
            name, size = ("bold" if index == 0 else "sans", 10.0) if typed else ("hand", 14.0)
            sheet.text((edge + 8, y + 1), cell, name, size, INK if typed else PEN)
        sheet.line([(52, y + 8), (543, y + 8)], INK, 0.7)
        y += 24
    for edge in edges:
        sheet.line([(edge, y - 24 * 9 + 8), (edge, y - 16)], INK, 0.7)
    sheet.line([(52, y - 24 * 9 + 8), (543, y - 24 * 9 + 8)], INK, 0.7)
    y = _section(sheet, y + 20, "2  Findings and work done")
    for line in FINDINGS:
        sheet.text((58, y), line, "hand", 14, PEN)
        sheet.line([(52, y + 5), (543, y + 5)], INK, 0.4, "[1 2] 0")
        y += 27


def _second(sheet: Sheet) -> None:
    _frame(sheet, "page 2 of 2")
    y = _section(sheet, 118, "3  Safety check")
    for text, fine in CHECKS:
        sheet.text((60, y), text, "sans", 10.5)
        for word, at, ticked in (("yes", 400, fine), ("no", 468, not fine)):
            sheet.rect((at, y - 10, at + 12, y + 2), None, INK, 1)
            sheet.text((at + 18, y), word, "sans", 10.5)
            if ticked:
                sheet.line([(at + 1, y - 9), (at + 11, y + 1)], PEN, 1.6)
                sheet.line([(at + 11, y - 9), (at + 1, y + 1)], PEN, 1.6)
        y += 23
    y = _section(sheet, y + 16, "4  Parts used")
    edges = (52, 140, 360, 430)
    for index, row in enumerate([("Number", "Part", "Pieces", "Price each, EUR"), *SPENT]):
        for edge, cell in zip(edges, row, strict=True):
            sheet.text((edge + 8, y), cell, "hand" if index else "bold", 14 if index else 10, PEN if index else INK)
        sheet.line([(52, y + 7), (543, y + 7)], INK, 0.7)
        y += 24
    sheet.text((340, y + 4), "Total, EUR", "bold", 11)
    sheet.text((438, y + 4), TOTAL, "hand", 16, PEN)
    y = _section(sheet, y + 44, "5  Advice to the owner")
    for line in ADVICE:
        sheet.text((58, y), line, "hand", 14, PEN)
        sheet.line([(52, y + 5), (543, y + 5)], INK, 0.4, "[1 2] 0")
        y += 27
    sheet.rect((330, y + 22, 543, y + 92), None, INK, 1)
    sheet.text((338, y + 36), "Stamp of the workshop", "sans", 8.5)
    sheet.circle((480, y + 60), 26, None, PEN, 1.6)
    sheet.label((480, y + 60), "SERVICE\nWEST 4", "bold", 8.5, PEN)


def _scanned(page: Any, turn: float, seed: int) -> bytes:
    """The page as a grey JPEG: slightly rotated, with dust, paper texture and sensor noise."""
    pixels = page.get_pixmap(dpi=DPI, colorspace=pymupdf().csGRAY)
    picture = Image.frombytes("L", (pixels.width, pixels.height), pixels.samples)
    picture = picture.rotate(turn, Image.Resampling.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(0.6))
    random = np.random.default_rng(seed)
    grey = np.asarray(picture, dtype=float)
    high, wide = grey.shape
    shade = np.linspace(0, 14, wide)[None, :] + np.linspace(6, 0, high)[:, None]
    grey = 34 + grey * (236 - 34) / 255 - shade + random.normal(0, 2.2, grey.shape)
    for x, y in zip(random.integers(0, wide - 3, 90), random.integers(0, high - 3, 90), strict=True):
        grey[y : y + 2, x : x + 2] -= 70
    buffer = BytesIO()
    Image.fromarray(grey.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=52, optimize=True)
    return buffer.getvalue()


def make(target: Path) -> None:
    """Write the scan to `target`: one grey image a page, no text."""
    form, scan = pymupdf().open(), pymupdf().open()
    for index, (fill, turn) in enumerate(((_first, 0.7), (_second, -0.5))):
        sheet = Sheet(form.new_page())
        fill(sheet)
        sheet.commit()
        page = scan.new_page()
        page.insert_image(page.rect, stream=_scanned(sheet.page, turn, index))
    scan.set_metadata({"creationDate": DATE, "modDate": DATE, "title": "", "producer": "Scanner"})
    scan.save(target, garbage=4, deflate=True, no_new_id=True)
