"""What this installation can read, with which packages and programs, and what is missing. Imports none of them."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec

from diptych.object_store import EXTRAS
from diptych.settings import Settings
from extractors.formats import FORMATS, Format, formats
from extractors.ocr.languages import tesseract_problem
from extractors.readers import Program
from extractors.slides.libreoffice import find_libreoffice

PLACE_MODULES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "sftp": "sshfs"}
"""Place -> the module that reads it; its extra is in `EXTRAS`."""
INSTALL = {
    "LibreOffice": "apt install libreoffice-impress libreoffice-calc, brew install --cask libreoffice",
    "poppler": "apt install poppler-utils, brew install poppler",
    "Tesseract": "apt install tesseract-ocr, brew install tesseract",
}


@dataclass(frozen=True, slots=True)
class ReadableFormat:
    """Files that one reader reads, or a place where documents may be."""

    label: str
    suffixes: tuple[str, ...]
    """Of a place: the beginning of its addresses."""
    libraries: tuple[str, ...]
    """With versions: `pymupdf 2.0`."""
    readable: bool
    missing: tuple[str, ...] = ()
    """One sentence for each thing that is not installed: what does not work, and the command that installs it."""


def readable_formats(settings: Settings) -> list[ReadableFormat]:
    """All formats in the order of the table, those with the same reader together, then the places."""
    rows: dict[tuple[str, object], list[Format]] = {}
    for row in formats():
        rows.setdefault((row.module if row not in FORMATS else "", row.reader), []).append(row)
    programs = {program for row in formats() for program in row.reader.programs}
    problems = {program: _problem(program, settings) for program in programs}
    return [*(_describe(group, problems) for group in rows.values()), *_places()]


def _describe(rows: list[Format], problems: dict[Program, str]) -> ReadableFormat:
    reader, suffixes = rows[0].reader, tuple(suffix for row in rows for suffix in row.suffixes)
    found = {name: _version(name) for name in reader.packages or _packages_of(rows[0].module)}
    absent = [f"{name} is not installed: cannot be read (pip install {name})" for name, at in found.items() if not at]
    lacking = [program for program in reader.programs if problems[program]]
    return ReadableFormat(
        reader.label,
        suffixes,
        tuple(f"{name} {at}" for name, at in found.items() if at) if found else ("Python",),
        readable=not absent and not any(program.required for program in lacking),
        missing=(*absent, *(f"{problems[program]}: {program.without}" for program in lacking)),
    )


def _problem(program: Program, settings: Settings) -> str:
    """Why a program cannot be used, with the command that installs it, or nothing."""
    if program.name == "Tesseract":
        is_used = settings.ocr in ("auto", "tesseract")
        return tesseract_problem("+".join(settings.ocr_languages)) if is_used else ""
    is_there = find_libreoffice() if program.name == "LibreOffice" else shutil.which("pdftoppm")
    return "" if is_there else f"{program.name} is not installed ({INSTALL[program.name]})"


def _packages_of(module: str) -> list[str]:
    """The package of an extractor from elsewhere."""
    top = module.partition(".")[0]
    return [] if top == "extractors" else packages_distributions().get(top, [])[:1]


def _places() -> Iterator[ReadableFormat]:
    yield ReadableFormat("place", ("https://", "http://"), (f"httpx2 {_version('httpx2')}",), readable=True)
    for scheme, module in PLACE_MODULES.items():
        is_there = find_spec(module) is not None
        fix = f"{module} is not installed: cannot be read (pip install 'diptych[{EXTRAS[scheme]}]')"
        libraries = (f"{module} {_version(module)}",) if is_there else ()
        yield ReadableFormat("place", (f"{scheme}://",), libraries, is_there, () if is_there else (fix,))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
