"""Images of the charts of a workbook: each is put on a slide of its own, which LibreOffice draws."""

import tempfile
from collections.abc import Sequence
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any

from extractors.errors import ExtractionError
from extractors.office_xml import CHART
from extractors.pdf.render import pymupdf, render_page
from extractors.slides.libreoffice import convert_file

WIDTH, HEIGHT = 24.0, 14.0
"""Centimetres of a slide; the proportions that programs give a new chart."""
MAX_CHARTS = 100
"""Charts of a workbook that are drawn; LibreOffice takes some tenths of a second for each."""


def draw_charts(spaces: Sequence[Any], dpi: int) -> list[bytes]:
    """Return PNG files of the first `MAX_CHARTS` of `c:chartSpace` elements.

    Raises `ExtractionError` when LibreOffice is not installed or fails.
    """
    from pptx import Presentation
    from pptx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
    from pptx.opc.packuri import PackURI
    from pptx.parts.chart import ChartPart
    from pptx.util import Cm

    deck = Presentation()
    deck.slide_width, deck.slide_height = Cm(WIDTH), Cm(HEIGHT)
    for number, space in enumerate(spaces[:MAX_CHARTS], 1):
        slide = deck.slides.add_slide(deck.slide_layouts[6])
        name = PackURI(f"/ppt/charts/chart{number}.xml")
        part = ChartPart.load(name, CONTENT_TYPE.DML_CHART, deck.part.package, _standalone(space))
        relation = slide.part.relate_to(part, RELATIONSHIP_TYPE.CHART)
        slide.shapes._add_chart_graphicFrame(relation, 0, 0, deck.slide_width, deck.slide_height)
    with tempfile.TemporaryDirectory(prefix="diptych-charts-") as folder:
        path = Path(folder, "charts.pptx")
        deck.save(path)
        with pymupdf().open(convert_file(path, "pdf", Path(folder))) as document:
            if len(document) != len(deck.slides):
                raise ExtractionError("LibreOffice did not draw all charts")
            return [_png(render_page(page, dpi)) for page in document]


def _standalone(space: Any) -> bytes:
    """The chart as XML, without references to other parts of the workbook, and entities that these define."""
    from lxml import etree

    copy = deepcopy(space)
    etree.strip_elements(copy, etree.Entity, with_tail=False)
    for tag in ("externalData", "userShapes", "clrMapOvr"):
        for element in copy.findall(f"{CHART}{tag}"):
            copy.remove(element)
    return bytes(etree.tostring(copy, xml_declaration=True, encoding="UTF-8", standalone=True))


def _png(image: Any) -> bytes:
    file = BytesIO()
    image.save(file, "PNG", compress_level=3)
    return file.getvalue()
