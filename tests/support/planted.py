"""Documents that try to run scripts in the page that shows them, in every text field."""

from __future__ import annotations

import csv
from pathlib import Path

from extractors.pdf.render import pymupdf
from tests.support.papers import write_photo

SCRIPT = "<script>window.ran=1</script>"
IMAGE = '"><img src=x onerror=window.ran=1>'
DRAWING = "'><svg onload=window.ran=1>"
LINK = "javascript:window.ran=1"
TEMPLATE = "{{7*7}}"
CONTROLS = "\x1b[31m\x07 red \u202egnp.exe"
LONG = "Un" + "believably" * 14 + "long"
PAGES = (
    ("1 The pump", f"The circulation pump keeps the water in the red loop moving. {SCRIPT} It runs at two speeds."),
    (
        "2 Its valve",
        f"Figure 1 shows the green valve of the pump, which opens to the left. {IMAGE} It is greased yearly.",
    ),
    ("3 The filter", f"Close the valve before the filter is cleaned, {TEMPLATE} and wait until the gauge reads zero."),
)
"""Heading and text of each page."""


def write_planted(folder: Path) -> Path:
    """A PDF with a heading, passages, a figure with a caption and a table, and a catalogue with photos."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_manual(folder / f"manual {IMAGE}.pdf")
    (folder / f"broken <b>{LONG}.pdf").write_bytes(b"%PDF-1.7\nnothing")
    write_photo(folder / "pictures" / "jacket.png", "")
    rows = [
        ["id", "name", "price", "category", "made", "image", "description", f"field {DRAWING}"],
        ["1", f"Rain jacket {SCRIPT}", "129.5", IMAGE, "2024-05-01", "pictures/jacket.png", f"A jacket. {LINK}", LINK],
        ["2", f"Boots {CONTROLS}", "210", "shoes", "2025-06-30", "pictures/jacket.png", f"Stiff. {IMAGE}", TEMPLATE],
        ["3", LONG, "15", "shoes", "2023-01-15", "", f"Longer than a line: {LONG}", LONG],
        ["4", "وحدة تنقية المياه", "99", "shoes", "2023-01-16", "", "فلتر قابل للغسل، الطراز W40.", "مياه"],
    ]
    with (folder / "products.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return folder


def _write_manual(path: Path) -> None:
    with pymupdf().open() as document:
        document.set_metadata({"title": f"Pump manual {SCRIPT}"})
        for heading, text in PAGES:
            page = document.new_page(width=420, height=595)
            page.insert_text((40, 60), f"{heading} {DRAWING}", fontsize=18)
            assert page.insert_textbox((40, 80, 380, 250), text, fontsize=10) > 0
        page = document[0]
        shape = page.new_shape()
        for step in range(5):
            shape.draw_circle((120 + 40 * step, 300), 18)
            shape.draw_line((120 + 40 * step, 282), (140 + 40 * step, 330))
        shape.draw_rect((90, 260, 320, 345))
        shape.finish(color=(0.1, 0.3, 0.5), fill=(0.85, 0.9, 0.95), width=1.2)
        shape.commit()
        page.insert_text((90, 368), f"Figure 1: The valve {IMAGE}", fontsize=10)
        document.save(path)
