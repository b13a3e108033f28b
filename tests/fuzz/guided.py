"""Fuzz by coverage what is parsed in Python: `python -m tests.fuzz.guided TARGET [OPTIONS OF LIBFUZZER] [CORPUS]`.

Half of the changes are those of libFuzzer, the others know the form of documents. What covers new code is kept in the
folder CORPUS. Needs the package atheris, which is not among the locked ones: install it in an environment of its own,
and let PYTHONPATH name this project and its packages. Targets: see `targets`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from random import Random

import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

with atheris.instrument_imports(include=["diptych", "extractors"]):
    from diptych.answering.conversation import complete_sentences
    from diptych.answering.numbers import find_numbers
    from diptych.answering.quotes import find_quote_problem
    from diptych.answering.statements import labels_in, needs_source, page_numbers_in, strip_places
    from diptych.captioners.prompt import plain_line, strip_markup
    from diptych.errors import DiptychError
    from diptych.where import parse_where
    from extractors.catalog.table import read_catalog, table_kind
    from extractors.errors import ExtractionError
    from extractors.formats import extract_document, find_format
    from extractors.mail.message import read_mail
    from extractors.markup.html_reader import parse_html, read_html
    from extractors.markup.lightweight import read_markdown_text, read_rst
    from extractors.markup.notebook import read_notebook
    from extractors.markup.page_content import drop_hidden, find_content
    from extractors.types import Options, Source
    from extractors.word.extractor import read_rtf

    EXTRACTED = (".docx", ".odt", ".pptx", ".odp", ".xlsx", ".ods", ".epub", ".mhtml", ".eml")
    """Formats that are fuzzed as a whole, with everything Python does on the way."""
    for suffix in EXTRACTED:
        if row := find_format(Path(f"a{suffix}")):
            import_module(row.module)
from tests.fuzz.mutations import mutate
from tests.support.samples import sample


def read_page(text: str) -> None:
    root = parse_html(text)
    drop_hidden(root)
    read_html(find_content(root), lambda _: bytes)


def check_answer(text: str) -> None:
    """What a model answers, and the evidence: each half of the text."""
    for function in (plain_line, strip_markup, find_numbers, needs_source, labels_in, page_numbers_in):
        function(text)
    strip_places(text, ["a"])
    complete_sentences(text)
    find_quote_problem(text[: len(text) // 2], text[len(text) // 2 :])


def of_text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(data.decode("utf-8", "replace"))


def of_file(suffix: str, read: Callable[[Path, str], object]) -> Callable[[bytes], object]:
    file = Path(tempfile.mkdtemp(), f"a{suffix}")
    return lambda data: (file.write_bytes(data), read(file, "a"))


def read_table(file: Path, name: str) -> None:
    table_kind(file, strict=True)
    read_catalog(file)


def extract(file: Path, name: str) -> None:
    pictures = file.parent / "pictures"
    extract_document(Source(file, file.as_uri(), name, "0" * 64, ""), Options(ocr="off"), pictures)
    shutil.rmtree(pictures, ignore_errors=True)


def targets() -> dict[str, tuple[Callable[[bytes], object], list[bytes]]]:
    """Name -> (what is called, documents to begin with)."""
    filters = [b'price < 200 and category = "jackets"', b'not (made in ("2024-05", 3) or page >= 7)', b'a contains "b"']
    answers = ["Figure 3 shows 1,250.5 bar [1] on page 12. „Der Druck“ is −4 %.".encode()]
    return {
        "where": (of_text(parse_where), filters),
        "answer": (of_text(check_answer), answers),
        "html": (of_text(read_page), [sample(".html")]),
        "markdown": (of_text(lambda text: read_markdown_text(text, lambda _: bytes)), [sample(".md")]),
        "rst": (of_file(".rst", read_rst), [sample(".rst")]),
        "notebook": (of_file(".ipynb", read_notebook), [sample(".ipynb")]),
        "mail": (of_file(".eml", read_mail), [sample(".eml")]),
        "rtf": (of_file(".rtf", read_rtf), [sample(".rtf")]),
        "csv": (of_file(".csv", read_table), [sample(".csv")]),
        "jsonl": (
            of_file(".jsonl", read_table),
            [b'{"a": 1}'],
        ),
        **{f"document{suffix}": (of_file(suffix, extract), [sample(suffix)]) for suffix in EXTRACTED},
    }


def change(data: bytes, max_size: int, seed: int) -> bytes:
    """A change that may know the form of the document, which those of libFuzzer soon destroy."""
    random = Random(seed)
    return mutate(data, random)[:max_size] if random.random() < 0.5 else atheris.Mutate(data, max_size)


def main() -> None:
    os.environ["PATH"] = ""  # without LibreOffice, which takes seconds
    call, documents = targets()[sys.argv.pop(1)]
    corpus = Path(tempfile.mkdtemp())
    for number, document in enumerate(documents):
        (corpus / str(number)).write_bytes(document)

    def run(data: bytes) -> None:
        with suppress(ExtractionError, DiptychError):
            call(data)

    atheris.Setup([*sys.argv, str(corpus)], run, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
