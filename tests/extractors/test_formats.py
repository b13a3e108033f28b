"""The table of formats: files with a misleading suffix, and formats that other packages provide."""

from __future__ import annotations

import hashlib
import importlib
import io
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from diptych.library.diptych import Diptych
from diptych.pipeline.discovery.sources import find_sources
from diptych.settings import Settings
from extractors import formats as formats_module
from extractors.errors import ExtractionError
from extractors.formats import (
    FORMATS,
    Format,
    extract_document,
    failed_plugins,
    find_format,
    formats,
    is_row,
    split_name,
)
from extractors.types import Options, Source
from tests.support.papers import write_photo


def source_of(path: Path) -> Source:
    return Source(path, path.as_uri(), path.name, hashlib.sha256(path.read_bytes()).hexdigest(), "")


def zip_archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.pdf", b"", "a.pdf: is empty; copy or download it again"),
        ("a.png", b"", "a.png: is empty"),
        ("a.pptx", b"", "a.pptx: is empty"),
        ("a.pptx", b"%PDF-1.7\n", "a.pptx: is a .pdf file despite its suffix; rename it to end in .pdf"),
        ("a.png", b"\n%PDF-1.7\n", "a.png: is a .pdf file"),
        ("a.pptx", b"\xff\xd8\xff\xe0", "a.pptx: is a .jpg file"),
        ("a.pdf", b"II*\x00\x08\x00\x00\x00", "a.pdf: is a .tif file"),
        ("a.pdf", zip_archive(), "a.pdf: is an office document or ZIP archive"),
        ("a.pdf", b"\xef\xbb\xbf\n<!DOCTYPE html><p>404", "a.pdf: is a web page"),
        ("a.png", b"<html>404", "a.png: is a web page"),
        ("a.pdf", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "a.pdf: is a .svg file"),
    ],
)
def test_file_with_a_misleading_suffix_is_named_for_what_it_is(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ExtractionError) as error:
        extract_document(source_of(tmp_path / name), Options(), tmp_path / "pictures")
    assert str(error.value).startswith(message)


def test_image_is_read_under_another_image_suffix_but_not_as_a_pdf(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", "VALVE")
    (tmp_path / "b.pdf").write_bytes((tmp_path / "a.png").read_bytes())
    (tmp_path / "c.jpg").write_bytes((tmp_path / "a.png").read_bytes())
    with pytest.raises(ExtractionError, match=r"b\.pdf: is a \.png file"):
        extract_document(source_of(tmp_path / "b.pdf"), Options(), tmp_path / "pictures")
    assert len(extract_document(source_of(tmp_path / "c.jpg"), Options(ocr="off"), tmp_path / "pictures").pictures) == 1


def test_unknown_suffix_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_bytes(b"x")
    with pytest.raises(ExtractionError, match=r"a\.xyz: no extractor reads \.xyz files; known suffixes: \.pdf \.pptx"):
        extract_document(source_of(tmp_path / "a.xyz"), Options(), tmp_path / "pictures")


def test_names_and_versions_of_built_in_extractors_match_stored_fingerprints() -> None:
    versions = {(row.name, row.version) for row in FORMATS}
    assert versions == {
        ("pdf", 22),
        ("slides", 4),
        ("photos", 2),
        ("photos", 3),
        ("catalog", 4),
        ("sheets", 2),
        ("markup", 2),
        ("markup", 3),
        ("mail", 2),
        ("members.unpack", 1),
        ("members.unpack", 2),
        ("word", 3),
    }


def test_every_suffix_has_one_format() -> None:
    suffixes = [suffix for row in FORMATS for suffix in row.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(find_format(Path(f"A{suffix.upper()}")) in FORMATS for suffix in suffixes)


def test_rows_of_a_catalogue_are_recognised_by_name() -> None:
    assert is_row("products.csv#17")
    assert not is_row("products.csv")
    assert not is_row("C#.pdf")


@pytest.mark.parametrize(
    ("name", "file", "inside"),
    [
        ("goods.csv#b#2", "goods.csv", "b#2"),
        ("C#/goods #1.csv#b#2", "C#/goods #1.csv", "b#2"),
        ("mail.eml#invoice #7.pdf", "mail.eml", "invoice #7.pdf"),
        ("C#/notes #3.md", "C#/notes #3.md", ""),
    ],
)
def test_names_of_files_rows_and_members_may_contain_the_mark_between_them(name: str, file: str, inside: str) -> None:
    assert split_name(name) == (file, inside)
    assert is_row(name) == file.endswith(".csv")


# --- formats of other packages ------------------------------------------------------------------------------------

EXTRACTOR = """
from extractors.errors import ExtractionError
from extractors.types import Extraction, Passage, Report


def extract(source, options, pictures):
    text = source.path.read_text()
    if not text.strip():
        raise ExtractionError(f"{source.name}: is empty; add some text")
    passages = [Passage(paragraph.strip(), page=1) for paragraph in text.split("\\n\\n")]
    return Extraction(source, tuple(passages), (), Report(pages=1), title=passages[0].text)
"""
TABLE = """
from extractors.formats import Format

TEXT = Format((".srt",), "notes_reader.extractor", "text/plain")
ROWS = [TEXT, Format((".vtt",), "notes_reader.extractor", "text/vtt")]
PDF = Format((".note", ".pdf"), "notes_reader.extractor", "text/plain")
NOT_A_FORMAT = ["text/plain"]
"""

Install = Callable[[str], None]


@pytest.fixture
def install_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package that declares the given entry points, one `name = module:attribute` per line."""
    site = tmp_path / "site"

    def install(entry_points: str) -> None:
        package, info = site / "notes_reader", site / "notes_reader-1.0.dist-info"
        package.mkdir(parents=True)
        info.mkdir()
        (package / "__init__.py").write_text("")
        (package / "extractor.py").write_text(EXTRACTOR)
        (package / "table.py").write_text(TABLE)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: notes-reader\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[diptych.extractors]\n{entry_points}\n")
        monkeypatch.syspath_prepend(str(site))
        importlib.invalidate_caches()
        formats_module._plugins.cache_clear()

    yield install
    monkeypatch.undo()
    formats_module._plugins.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == "notes_reader"]:
        del sys.modules[name]


def test_format_of_another_package_is_ingested_through_the_sandbox(tmp_path: Path, install_plugin: Install) -> None:
    install_plugin("text = notes_reader.table:TEXT")
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "pump.srt").write_text("Pump\n\nGrease the bearing every spring.")
    (folder / "blank.srt").write_text(" ")
    with Diptych.open(Settings(store=str(tmp_path / "store"))) as diptych:
        outcomes = {outcome.name: outcome for outcome in diptych.ingest([folder])}
        assert (outcomes["notes/pump.srt"].status, outcomes["notes/pump.srt"].passages) == ("complete", 2)
        assert (outcomes["notes/blank.srt"].status, outcomes["notes/blank.srt"].error) == (
            "failed",
            "notes/blank.srt: is empty; add some text",
        )
    assert find_sources([folder]).sources[0].media_type == "text/plain"


def test_entry_point_may_be_a_list_of_formats(install_plugin: Install) -> None:
    install_plugin("rows = notes_reader.table:ROWS")
    assert [row.suffixes for row in formats()[len(FORMATS) :]] == [(".srt",), (".vtt",)]
    assert failed_plugins() == ()


@pytest.mark.parametrize(
    ("entry_point", "reason"),
    [
        ("gone = notes_reader.gone:TEXT", "ModuleNotFoundError: No module named 'notes_reader.gone'"),
        ("odd = notes_reader.table:NOT_A_FORMAT", "must be a Format or a list of them, not str"),
        ("thief = notes_reader.table:PDF", ".pdf files are already read by extractors.pdf.extractor"),
    ],
)
def test_broken_entry_point_is_reported_and_others_still_work(
    tmp_path: Path, install_plugin: Install, entry_point: str, reason: str
) -> None:
    install_plugin(f"{entry_point}\ntext = notes_reader.table:TEXT")
    assert [row.suffixes for row in formats()[len(FORMATS) :]] == [(".srt",)]
    (failure,) = failed_plugins()
    assert failure.startswith(f"the extractor plug-in {entry_point.split()[0]} cannot be used (")
    assert reason in failure
    assert failure.endswith("; update or uninstall notes-reader")
    assert find_format(Path("a.pdf")) == FORMATS[0]
    (tmp_path / "a.note").write_text("x")
    with pytest.raises(ExtractionError, match="no extractor reads") as error:
        extract_document(source_of(tmp_path / "a.note"), Options(), tmp_path / "pictures")
    assert failure in str(error.value)


@pytest.mark.parametrize("suffixes", [(), ".txt", ("txt",), (".TXT",)])
def test_malformed_suffixes_are_refused(suffixes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="suffixes must be a tuple such as"):
        Format(suffixes, "notes_reader.extractor", "text/plain")
