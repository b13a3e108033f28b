"""What is unpacked from containers, under which names, and what is left out."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from extractors.errors import ExtractionError
from extractors.members import unpack as module
from extractors.members.types import Members
from extractors.members.unpack import unpack_members
from extractors.pdf.render import pymupdf


def zip_of(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def tar_of(*entries: tuple[str, bytes], mode: str = "w:gz", link: str = "") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        if link:
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(entry)
    return file.getvalue()


def unpack(folder: Path, content: bytes, name: str = "a.zip", passwords: tuple[str, ...] = ()) -> Members:
    (folder / name).write_bytes(content)
    target = folder / "unpacked"
    target.mkdir()
    members = unpack_members(folder / name, name, target, passwords)
    for member in members.found:
        assert (target / member.file).stat().st_size == member.size
    inside = {path for path in folder.rglob("*") if path.is_file()} - {folder / name}
    assert all(path.is_relative_to(target) for path in inside)
    return members


def names(members: Members) -> list[str]:
    return [member.name for member in members.found]


def reasons(members: Members) -> dict[str, str]:
    return dict(members.skipped)


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz"])
def test_tar_archives_are_unpacked(tmp_path: Path, name: str) -> None:
    mode = {"tar": "w", "gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}[name.rpartition(".")[2]]
    members = unpack(tmp_path, tar_of(("b/a.txt", b"one"), ("c.exe", b"MZ"), mode=mode, link="d.txt"), name)
    assert names(members) == ["b/a.txt"]
    assert reasons(members)["c.exe"] == "no extractor reads .exe files"
    assert "is a link" in reasons(members)["d.txt"]


def test_names_that_lead_out_of_the_archive_are_refused(tmp_path: Path) -> None:
    attacks = ("../a.txt", "b/../../a.txt", "/etc/a.txt", "..\\a.txt", "C:\\a.txt")
    members = unpack(tmp_path, zip_of(*((name, b"x") for name in attacks), ("b\\c.txt", b"ok"), ("./d.txt", b"ok")))
    assert names(members) == ["b/c.txt", "d.txt"]
    assert len(members.skipped) == len(attacks)


def test_links_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    hidden = [(name, b"x") for name in (".a.txt", "__MACOSX/a.txt", "~$a.docx")]
    members = unpack(tmp_path, zip_of((link, b"/etc/passwd"), *hidden, ("a.txt", b"x")))
    assert names(members) == ["a.txt"]
    assert list(reasons(members)) == ["link.txt"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_equal_names_and_files_named_like_folders_stay_apart(tmp_path: Path) -> None:
    members = unpack(tmp_path, zip_of(("a.txt", b"1"), ("a.txt", b"2"), ("b.txt", b"3"), ("b.txt/c.txt", b"4")))
    assert names(members) == ["a.txt", "a (2).txt", "b.txt", "b.txt/c.txt"]
    assert len({member.file for member in members.found}) == 4


def test_name_in_utf_8_without_the_flag_is_read(tmp_path: Path) -> None:
    content = zip_of(("Gr\u00f6\u00dfe.txt", b"x"))
    version, flag = b"\x14\x00", b"\x00\x08"  # without the version, it may also be found in the time of day
    assert content.count(version + flag) == 2
    plain = content.replace(version + flag, version + bytes(2))
    assert names(unpack(tmp_path, plain)) == ["Gr\u00f6\u00dfe.txt"]


@pytest.mark.parametrize(
    ("encoding", "name"), [("cp850", "Straße/Übersicht.txt"), ("cp866", "Отчёт.txt"), ("gbk", "审计报告.txt")]
)
def test_names_in_the_encoding_of_a_system_are_read(tmp_path: Path, encoding: str, name: str) -> None:
    encoded = name.encode(encoding)
    placeholder = "a" * (len(encoded) - 4) + ".txt"
    content = zip_of((placeholder, b"x")).replace(placeholder.encode(), encoded)
    assert names(unpack(tmp_path, content)) == [name]


def test_containers_in_containers_are_unpacked_to_a_depth(tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Report"
    mail.set_content("Attached.")
    mail.add_attachment(
        zip_of(("b.txt", b"deep"), ("c.zip", zip_of(("d.txt", b"too deep")))), "application", "zip", filename="b.zip"
    )
    members = unpack(tmp_path, zip_of(("mails/a.eml", bytes(mail)), ("e.tar.gz", tar_of(("f.txt", b"x")))))
    assert names(members) == ["mails/a.eml", "mails/a.eml#b.zip#b.txt", "e.tar.gz#f.txt"]
    assert "is an archive within 3 others" in reasons(members)["mails/a.eml#b.zip#c.zip"]


def test_attachments_of_a_pdf_are_unpacked(tmp_path: Path) -> None:
    with pymupdf().open() as document:
        document.new_page().add_file_annot((9, 9), b"note", "valves.txt")
        document.embfile_add("n", b"site,kw", filename="numbers.txt")
        content = document.tobytes()
    assert sorted(names(unpack(tmp_path, content, "a.pdf"))) == ["numbers.txt", "valves.txt"]


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MEMBER_BYTES", 2000)
    monkeypatch.setattr(module, "MAX_TOTAL_BYTES", 2600)
    monkeypatch.setattr(module, "MIN_RATIO_BYTES", 500)
    noise = bytes(range(256)) * 4
    entries = [("bomb.txt", b"0" * 1900), ("large.txt", noise * 3), ("a.txt", b"a"), ("b.txt", noise)]
    monkeypatch.setattr(module, "MAX_RATIO", 20)
    members = unpack(tmp_path, zip_of(*entries))
    found = reasons(members)
    assert "refused as a bomb" in found["bomb.txt"]
    assert "is larger than" in found["large.txt"]
    assert "the container unpacks to more than" in found["a.txt"]
    assert names(members) == []


def test_number_of_documents_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MEMBERS", 2)
    members = unpack(tmp_path, zip_of(*((f"{n}.txt", b"x") for n in range(4))))
    assert (names(members), reasons(members)) == (
        ["0.txt", "1.txt"],
        {"": "has more than 2 documents; unpack it into a folder"},
    )


def test_encrypted_member_is_named(tmp_path: Path) -> None:
    content = bytearray(zip_of(("a.txt", b"secret"), ("b.txt", b"open")))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    members = unpack(tmp_path, bytes(content), passwords=("wrong",))
    assert names(members) == ["b.txt"]
    assert "is encrypted; add the password" in reasons(members)["a.txt"]


@pytest.mark.parametrize(
    ("name", "content"), [("a.zip", b"PK\x03\x04 cut"), ("a.tar.gz", b"\x1f\x8b cut"), ("a.eml", b"none")]
)
def test_broken_container_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(ExtractionError, match=rf"{name}: "):
        unpack(tmp_path, content, name)


def test_cut_off_archive_gives_what_it_has(tmp_path: Path) -> None:
    content = tar_of(("a.txt", b"x" * 600), ("b.txt", bytes(range(256)) * 99), mode="w")
    members = unpack(tmp_path, content[:5000], "a.tar")
    assert names(members) == ["a.txt"]
    assert members.skipped
