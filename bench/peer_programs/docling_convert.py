"""Docling on a folder of PDFs, one process. `python docling_convert.py FOLDER`.

Where its models are neither stored nor to be downloaded, only its parser runs, which reads the words of each page.
"""

import json
import os
import sys
import time
from pathlib import Path

from docling.datamodel.base_models import InputFormat
from docling.datamodel.pipeline_options import PdfPipelineOptions
from docling.document_converter import DocumentConverter, PdfFormatOption
from docling_parse.pdf_parser import DoclingPdfParser


def open_converter() -> DocumentConverter | None:
    """None without the models."""
    options = PdfPipelineOptions(do_ocr=False)  # as ours: born-digital pages are not read by OCR
    converter = DocumentConverter(format_options={InputFormat.PDF: PdfFormatOption(pipeline_options=options)})
    try:
        converter.initialize_pipeline(InputFormat.PDF)
    except Exception:  # each library below it has errors of its own for this
        return None
    return converter


def parse(path: Path) -> int:
    """Read the words of each page; return how many lines there are."""
    return sum(len(page.textline_cells) for _, page in DoclingPdfParser(loglevel="fatal").load(path).iterate_pages())


def main(folder: str) -> None:
    converter = open_converter()
    start, used, found = time.monotonic(), sum(os.times()[:4]), 0
    for path in sorted(Path(folder).glob("*.pdf")):
        found += len(list(converter.convert(path).document.iterate_items())) if converter else parse(path)
    taken = {"seconds": time.monotonic() - start, "processor": sum(os.times()[:4]) - used}
    print(
        json.dumps(
            {**taken, "did": f"{found} items" if converter else f"{found} lines, its parser alone, without models"}
        )
    )


main(*sys.argv[1:])
