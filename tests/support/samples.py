"""A small document of every format that can be written without LibreOffice, with most of what a format can hold."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from functools import cache

from tests.support.blocks import png

HTML = """<!doctype html><html lang=en><head><title>Pumps</title><style>p{color:red}</style></head><body><h1>Care</h1>
<p>Rinse it <b>weekly</b>, H<sub>2</sub>O &amp; 10<sup>4</sup>.<pre><code>pump --start</code></pre>
<table><caption>Parts</caption><tr><th rowspan=2>Part<th colspan=2>Price<tr><td>Hose<td>5</table>
<figure><img src="a.png" alt="A hose"><figcaption>Figure 1: The hose</figcaption></figure>
<ul><li>one<ul><li>two</ul></ul><math><mi>x</mi></math><svg><text>Gate</text></svg></body></html>"""
MARKDOWN = """---
title: Pumps
price: 5
---
# Care

Rinse it[^1] *weekly*, $x^2$. | ![A hose](a.png)

| Part | Price |
|---|---|
| Hose | 5 |

```sh
pump --start
```

[^1]: With water.
"""
RST = """Care
====

Rinse it :sub:`now`. |hose|

.. |hose| image:: a.png
.. figure:: a.png

   Figure 1: The hose

+------+-------+
| Part | Price |
+======+=======+
| Hose | 5     |
+------+-------+
"""
RTF = (
    r"{\rtf1\ansi\deff0{\fonttbl{\f0 Times;}}{\info{\title Pumps}}\pard\f0\fs24 Rinse it \b weekly\b0 , 10\super 4."
    r"\par{\trowd\cellx2000\cellx4000\intbl Hose\cell 5\cell\row}\u8364?\'e9\par{\*\unknown x}}"
)
SVG = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="200" height="100"
viewBox="0 0 200 100"><defs><linearGradient id="g"><stop offset="0" stop-color="red"/></linearGradient></defs>
<rect width="90" height="50" fill="url(#g)"/><text x="10" y="30" font-size="12">Gate<tspan dx="3">7</tspan></text>
<path d="M1 1C20 20 40 20 50 10a5 5 0 0 1 9 9z"/><use xlink:href="#g" x="3"/></svg>"""
_TEXT = "urn:oasis:names:tc:opendocument:xmlns"
_ODF_SPACES = " ".join(
    f'xmlns:{name}="{_TEXT}:{space}:1.0"'
    for name, space in (
        ("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"), ("svg", "svg-compatible"),
        ("style", "style"), ("presentation", "presentation"),
    )
)  # fmt: skip
_ODT = """<office:text><text:h text:outline-level="1">Care</text:h><text:p>Rinse it<text:note><text:note-citation>1
</text:note-citation><text:note-body><text:p>Water.</text:p></text:note-body></text:note><text:s text:c="2"/></text:p>
<table:table><table:table-row><table:table-cell table:number-columns-repeated="2"><text:p>5</text:p></table:table-cell>
</table:table-row></table:table><text:p><draw:frame svg:width="5cm" svg:height="3cm">
<draw:image xlink:href="Pictures/a.png"/></draw:frame></text:p></office:text>"""
_ODS = """<office:spreadsheet><table:table table:name="Parts"><table:table-row><table:table-cell
table:number-columns-spanned="2"><text:p>Part</text:p></table:table-cell><table:covered-table-cell/></table:table-row>
<table:table-row table:number-rows-repeated="2"><table:table-cell office:value-type="float" office:value="5">
<text:p>5</text:p></table:table-cell><table:table-cell><text:p>Hose</text:p></table:table-cell></table:table-row>
</table:table></office:spreadsheet>"""
_ODP = """<office:presentation><draw:page draw:name="one"><draw:frame presentation:class="title" svg:width="20cm"
svg:height="3cm" svg:x="1cm" svg:y="1cm"><draw:text-box><text:p>Care</text:p></draw:text-box></draw:frame>
<draw:frame svg:width="5cm" svg:height="5cm" svg:x="1cm" svg:y="5cm"><draw:image xlink:href="Pictures/a.png"/>
</draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>Speak.</text:p></draw:text-box></draw:frame>
</presentation:notes></draw:page></office:presentation>"""
_NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"language": "python"}},
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Care\n", "Rinse it."]},
        {
            "cell_type": "code",
            "metadata": {},
            "source": "print(1)",
            "execution_count": 1,
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["1\n"]},
                {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<table><tr><td>5</table>"}},
                {"output_type": "error", "ename": "E", "evalue": "no", "traceback": ["\x1b[31mE\x1b[0m"]},
            ],
        },
    ],
}
_PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata
xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Pumps</dc:title></metadata><manifest>
<item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="c" href="a.png" media-type="image/png" properties="cover-image"/>
<item id="one" href="one.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="one"/></spine></package>"""
_CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="book.opf"/></rootfiles></container>"""
_XHTML = (
    '<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>Care</h1><p>Rinse it.</p><img src="a.png"/></body></html>'
)


def zip_of(members: Mapping[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def tar_of(members: Mapping[str, bytes], mode: str = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def open_document(body: str, kind: str, manifest: str = "") -> bytes:
    """An ODT, ODS or ODP file; `kind`: `text`, `spreadsheet` or `presentation`."""
    spaces = f'{_ODF_SPACES} xmlns:xlink="http://www.w3.org/1999/xlink"'
    return zip_of(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "META-INF/manifest.xml": f'<manifest xmlns="{_TEXT}:manifest:1.0">{manifest}</manifest>',
            "content.xml": f"<office:document-content {spaces}><office:body>{body}</office:body>"
            "</office:document-content>",
            "Pictures/a.png": png(),
        }
    )


def pdf(**options: int) -> bytes:
    """Two pages with text, a ruled table, a drawing, an image, a bookmark, a comment, a form field and a file."""
    import pymupdf

    with pymupdf.open() as document:
        page = document.new_page(width=300, height=400)
        page.insert_textbox((20, 20, 280, 90), "1 Care\n\nRinse the filter weekly. Figure 1 shows it.", fontsize=10)
        for step in range(4):
            page.draw_line((20, 100 + 15 * step), (200, 100 + 15 * step))
            page.draw_line((20 + 60 * step, 100), (20 + 60 * step, 145))
            page.insert_text((24 + 60 * step, 111), f"Part {step}", fontsize=8)
        page.insert_image((20, 160, 180, 240), stream=png(40, 20))
        page.insert_text((20, 255), "Figure 1: The filter.", fontsize=9)
        page.add_text_annot((200, 300), "Check this.")
        field = pymupdf.Widget()
        field.field_type, field.field_name, field.field_value = pymupdf.PDF_WIDGET_TYPE_TEXT, "site", "Oslo"
        field.rect = pymupdf.Rect(20, 300, 120, 320)
        page.add_widget(field)
        document.new_page(width=300, height=400).insert_text((20, 40), "2 Prices", fontsize=14)
        document.set_toc([[1, "Care", 1], [1, "Prices", 2]])
        document.embfile_add("a.txt", b"attached")
        return bytes(document.tobytes(no_new_id=True, **options))


def _image(kind: str, **options: object) -> bytes:
    from PIL import Image, ImageDraw

    image = Image.linear_gradient("L").resize((96, 64)).convert("RGB")
    ImageDraw.Draw(image).text((10, 20), "GATE 7", fill="black")
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _heif() -> bytes:
    import pillow_heif

    pillow_heif.register_heif_opener()
    return _image("HEIF")


def _pptx() -> bytes:
    from pptx import Presentation
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE

    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Care"
    slide.shapes.add_table(2, 2, 0, 2_000_000, 4_000_000, 900_000).table.cell(0, 0).text = "Hose"
    slide.shapes.add_picture(io.BytesIO(png()), 0, 0)
    data = CategoryChartData()
    data.categories = ["a", "b"]
    data.add_series("s", (1, 2))
    slide.shapes.add_chart(XL_CHART_TYPE.PIE, 0, 0, 900_000, 900_000, data)
    slide.notes_slide.notes_text_frame.text = "Speak."
    file = io.BytesIO()
    deck.save(file)
    return file.getvalue()


def _xlsx() -> bytes:
    import openpyxl
    from openpyxl.chart import BarChart, Reference
    from openpyxl.comments import Comment

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["Parts"], ["Part", "Price"], ["Hose", 5.5], ["Gate", "=B3*2"]):
        sheet.append(row)
    sheet.merge_cells("A1:B1")
    sheet["B3"].number_format, sheet["A3"].comment = "0.0%", Comment("new", "Ann")
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=2, min_row=2, max_row=4), titles_from_data=True)
    sheet.add_chart(chart, "D2")
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _docx() -> bytes:
    from docx import Document

    document = Document()
    document.add_heading("Care", 1)
    document.add_paragraph("Rinse it.", style="List Bullet")
    document.add_table(2, 2).cell(0, 0).text = "Hose"
    document.add_picture(io.BytesIO(png()))
    document.add_paragraph("Figure 1: The hose", style="Caption")
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _mail() -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Ann <a@example.org>", "b@example.org", "=?utf-8?q?Pumpe?="
    mail["Date"] = "Mon, 5 Jan 2026 10:00:00 +0000"
    mail.set_content("Dear Bob,\n\n> quoted\n")
    mail.add_alternative(HTML, subtype="html")
    mail.add_attachment(png(), "image", "png", filename="a.png")
    mail.add_attachment(b"a,b\n1,2\n", "text", "csv", filename="../a.csv")
    return bytes(mail)


def _mhtml() -> bytes:
    page = EmailMessage()
    page.set_content(HTML, subtype="html")
    page.make_related()
    page.add_related(png(), "image", "png", cid="<a>")
    page.replace_header("Content-Type", page["Content-Type"])
    return bytes(page)


def _members() -> dict[str, bytes]:
    return {"a.txt": b"Rinse it.", "sub/b.md": b"# Care", "c.zip": zip_of({"d.csv": "a,b\n1,2\n"})}


_SAMPLES: Mapping[str, Callable[[], bytes]] = {
    ".pdf": pdf,
    ".pptx": _pptx,
    ".odp": lambda: open_document(_ODP, "presentation"),
    ".png": lambda: _image("PNG"),
    ".jpg": lambda: _image("JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"),
    ".webp": lambda: _image("WEBP"),
    ".tif": lambda: _image("TIFF", compression="tiff_lzw"),
    ".gif": lambda: _image("GIF"),
    ".bmp": lambda: _image("BMP"),
    ".heic": _heif,
    ".avif": lambda: _image("AVIF"),
    ".jp2": lambda: _image("JPEG2000"),
    ".svg": SVG.encode,
    ".svgz": lambda: gzip.compress(SVG.encode(), mtime=0),
    ".eml": _mail,
    ".zip": lambda: zip_of(_members()),
    ".tar": lambda: tar_of(_members()),
    ".tgz": lambda: tar_of(_members(), "w:gz"),
    ".tar.bz2": lambda: tar_of(_members(), "w:bz2"),
    ".tar.xz": lambda: tar_of(_members(), "w:xz"),
    ".xlsx": _xlsx,
    ".ods": lambda: open_document(_ODS, "spreadsheet"),
    ".docx": _docx,
    ".odt": lambda: open_document(_ODT, "text"),
    ".rtf": RTF.encode,
    ".html": HTML.encode,
    ".mhtml": _mhtml,
    ".md": MARKDOWN.encode,
    ".rst": RST.encode,
    ".txt": "Care\n====\n\nRinse it.\x0c\nSee page 2.\n".encode,
    ".ipynb": lambda: json.dumps(_NOTEBOOK).encode(),
    ".epub": lambda: zip_of(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": _CONTAINER,
            "book.opf": _PACKAGE,
            "nav.xhtml": '<nav><ol><li><a href="one.xhtml">Care</a></li></ol></nav>',
            "one.xhtml": _XHTML,
            "a.png": png(),
        }
    ),
    ".csv": lambda: b'Part,Price,"Note, long"\nHose,5,a\nGate,"1,000","b\nc"\n',
    ".tsv": lambda: b"id\tprice\timage\tdescription\n1\t5\ta.png\tA hose.\n2\t7\thttps://example.org/a.png\tA gate.\n",
    ".jsonl": lambda: b'{"id": 1, "price": 5, "tags": ["a"], "description": "A hose."}\n{"id": 2, "image": "a.png"}\n',
}
SUFFIXES = tuple(_SAMPLES)


@cache
def sample(suffix: str) -> bytes:
    """The document of a format; the same bytes each time, except for times within."""
    return _SAMPLES[suffix]()
