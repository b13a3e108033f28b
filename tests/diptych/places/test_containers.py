"""Documents in archives and mails are ingested as documents; unchanged containers are not opened again."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from diptych import Diptych, Query, Settings
from diptych.errors import SourceError
from diptych.where import parse_where
from extractors.members.types import Members
from extractors.sandbox.sandbox import Sandbox
from tests.support.built_models import copy_graphs


@pytest.fixture(scope="module")
def diptych(tmp_path_factory: pytest.TempPathFactory, built_models: Path) -> Iterator[Diptych]:
    folder = tmp_path_factory.mktemp("containers")
    copy_graphs(built_models, folder / "cache", "int8")
    settings = Settings(
        store=str(folder / "store"), root=folder, cache=folder / "cache", encoder="minilm:int8", ocr="off", workers=1
    )
    with Diptych.open(settings) as opened:
        yield opened


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the containers that are opened."""
    names: list[str] = []
    unpack = Sandbox.unpack

    def count(sandbox: Sandbox, path: Path, name: str, folder: Path) -> Members:
        names.append(path.name)
        return unpack(sandbox, path, name, folder)

    monkeypatch.setattr(Sandbox, "unpack", count)
    return names


def write_zip(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"reports/{name}.txt", text)
    return path


def statuses(diptych: Diptych, folder: Path) -> dict[str, str]:
    return {one.name.rpartition("/in/")[2]: one.status for one in diptych.ingest([folder])}


def removed(diptych: Diptych, folder: Path) -> list[str]:
    sources = diptych.maintenance.find_sources([folder]).sources
    return [one.name.rpartition("/in/")[2] for one in diptych.maintenance.find_removed([folder], sources).documents]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def test_members_are_documents_and_unchanged_archives_stay_closed(
    diptych: Diptych, folder: Path, opened: list[str]
) -> None:
    archive = write_zip(folder / "a.zip", pump="The red pump hums.", valve="The green valve leaks.")
    assert statuses(diptych, folder) == {"a.zip#reports/pump.txt": "complete", "a.zip#reports/valve.txt": "complete"}
    assert opened == ["a.zip"]
    (hit,) = diptych.search("green valve", limit=1)
    assert (hit.document.rpartition("/in/")[2], hit.source) == (
        "a.zip#reports/valve.txt",
        f"{archive}#reports/valve.txt",
    )
    assert set(statuses(diptych, folder).values()) == {"unchanged"}
    os.utime(archive, (1, 1))
    assert set(statuses(diptych, folder).values()) == {"unchanged"}
    assert opened == ["a.zip", "a.zip"]


def test_changed_archive_replaces_and_deletes_members(diptych: Diptych, folder: Path) -> None:
    archive = write_zip(
        folder / "a.zip", pump="The red pump hums.", valve="The green valve leaks.", b="B.", c="C.", d="D."
    )
    diptych.ingest([folder])
    write_zip(archive, pump="The red pump is silent.", b="B.", c="C.", d="D.")
    os.utime(archive, (1, 1))
    changed = {name: status for name, status in statuses(diptych, folder).items() if status != "unchanged"}
    assert changed == {"a.zip#reports/pump.txt": "complete"}
    assert removed(diptych, folder) == ["a.zip#reports/valve.txt"]


def test_broken_archive_fails_as_a_document_and_deletes_nothing(diptych: Diptych, folder: Path) -> None:
    archive = write_zip(folder / "a.zip", pump="The red pump hums.")
    (folder / "b.txt").write_text("Beside it.")
    diptych.ingest([folder])
    archive.write_bytes(archive.read_bytes()[:60])
    assert statuses(diptych, folder) == {"a.zip": "failed", "b.txt": "unchanged"}
    assert removed(diptych, folder) == []
    (failed,) = (one for one in diptych.documents() if one.status == "failed" and one.uri == archive.as_uri())
    assert "a.zip: no complete archive" in failed.error
    assert statuses(diptych, folder) == {"a.zip": "failed", "b.txt": "unchanged"}
    found = diptych.maintenance.select([failed.name])
    assert [one.name.rpartition("/in/")[2] for one in found[0].documents] == ["a.zip", "a.zip#reports/pump.txt"]
    assert diptych.search(Query("red pump", where=parse_where(f'document = "{archive}"')))
    with pytest.raises(SourceError, match=r"a\.zip: no complete archive .*copy or download it again"):
        diptych.ingest([archive])
    write_zip(archive, pump="The red pump hums.")
    assert statuses(diptych, folder) == {"a.zip#reports/pump.txt": "unchanged", "b.txt": "unchanged"}
    assert removed(diptych, folder) == ["a.zip"]


def test_archive_without_files_is_mentioned(diptych: Diptych, folder: Path) -> None:
    (folder / "b.txt").write_text("Beside it.")
    zipfile.ZipFile(folder / "empty.zip", "w").close()
    (skipped,) = diptych.maintenance.find_sources([folder]).skipped
    assert str(skipped) == f"{folder}/empty.zip: the archive contains no files"
    with pytest.raises(SourceError, match=r"no document found.*empty\.zip: the archive contains no files"):
        diptych.ingest([folder / "empty.zip"])


def test_archive_that_was_cut_off_fails_and_what_it_still_has_is_read(diptych: Diptych, folder: Path) -> None:
    archive = folder / "a.tar"
    with tarfile.open(archive, "w") as tar:
        for name in ("pump.txt", "valve.txt"):
            (folder.parent / name).write_text(f"The {name} is red. " * 500)
            tar.add(folder.parent / name, name)
    with archive.open("r+b") as file:
        file.truncate(14_000)
    assert statuses(diptych, folder) == {"a.tar": "failed", "a.tar#pump.txt": "complete"}


def test_attachments_name_their_mail_and_skipped_ones_are_listed(diptych: Diptych, folder: Path) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"] = "Valve", "ada@example.org"
    mail.set_content("See the note.")
    mail.add_attachment("The blue valve is new.", filename="note.txt")
    mail.add_attachment(b"MZ", "application", "octet-stream", filename="setup.exe")
    (folder / "a.eml").write_bytes(bytes(mail))
    assert statuses(diptych, folder) == {"a.eml": "complete", "a.eml#note.txt": "complete"}
    found = {one.name.rpartition("/in/")[2]: one.fields for one in diptych.documents() if "a.eml" in one.name}
    name = next(one.name for one in diptych.documents() if one.name.endswith("a.eml"))
    assert found["a.eml#note.txt"]["attached_to"] == name
    assert found["a.eml"]["from"] == "ada@example.org"
    (skipped,) = diptych.maintenance.find_sources([folder]).skipped
    assert skipped.path.endswith("a.eml#setup.exe")


def test_failed_member_is_tried_again_from_its_archive(diptych: Diptych, folder: Path) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("broken.pdf", b"%PDF-1.4 nothing")
    assert statuses(diptych, folder) == {"a.zip#broken.pdf": "failed"}
    outcomes = [one for one in diptych.maintenance.retry(everything=True) if "broken.pdf" in one.name]
    assert [one.status for one in outcomes] == ["failed"]
    assert "/diptych-tmp-" not in outcomes[0].error
