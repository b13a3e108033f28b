"""What a worker, and every program it starts, is kept from: other files, the network, other processes, secrets."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from diptych.doctor.machine import check_sandbox
from diptych.settings import Settings
from extractors.sandbox import confinement
from extractors.sandbox.confinement import Access, access_to, missing_protection
from extractors.sandbox.fork_server import SERVER
from extractors.sandbox.sandbox import Sandbox
from extractors.types import Source
from tests.support.decks import needs_libreoffice
from tests.support.sandboxes import WITHOUT_OCR, Attempts, attempt, source_of
from tests.support.sandboxes import photo as photo
from tests.support.sandboxes import pictures as pictures

FILES = Path(__file__).parents[2] / "files"
confined = pytest.mark.skipif(bool(missing_protection()), reason=f"this kernel lacks {missing_protection()}")


@pytest.fixture
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is not beside the document."""
    file = tmp_path_factory.mktemp("elsewhere") / "secret"
    file.write_text("hunter2")
    return file


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def run(photo: Source, pictures: Path, code: dict[str, str], as_program: bool, confined: bool = True) -> dict[str, str]:
    from pydantic import TypeAdapter

    access = access_to([photo.path], [pictures])
    with Sandbox(1, 60, 2048, confined=confined) as sandbox:
        reply = sandbox._run(photo.path, access, attempt, code, as_program)
    return TypeAdapter(dict[str, Attempts]).validate_json(reply)["result"].outcomes


@confined
@pytest.mark.parametrize("as_program", [False, True])
def test_worker_and_its_programs_reach_only_the_document_and_the_results(
    photo: Source, pictures: Path, secret: Path, listener: int, as_program: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hunter2")
    SERVER.close()  # the next one could have the key in its memory
    (photo.path.parent / "link").symlink_to(secret)
    parent = os.getpid()
    tries = {
        "its document": (f"len(open({str(photo.path)!r}, 'rb').read(4))", "4"),
        "its results": (f"open({str(pictures / 'a')!r}, 'w').write('x')", "1"),
        "its temporary folder": ("open(os.environ['TMPDIR'] + '/a', 'w').write('x')", "1"),
        "a link for others to follow": (f"os.symlink({str(secret)!r}, {str(pictures / 'link')!r})", "PermissionError"),
        "a pipe for others to wait for": (f"os.mkfifo({str(pictures / 'pipe')!r})", "PermissionError"),
        "another file": (f"open({str(secret)!r}).read()", "PermissionError"),
        "another file by a link": (f"open({str(photo.path.parent / 'link')!r}).read()", "PermissionError"),
        "another folder": (f"os.listdir({str(secret.parent)!r})", "PermissionError"),
        "changing its document": (f"open({str(photo.path)!r}, 'a')", "PermissionError"),
        "deleting its document": (f"os.unlink({str(photo.path)!r})", "PermissionError"),
        "a password file": ("open('/etc/shadow').read()", "PermissionError"),
        "the parent's environment": (f"open('/proc/{parent}/environ').read()", "PermissionError"),
        "the parent's memory": (f"open('/proc/{parent}/mem', 'rb').read(1)", "PermissionError"),
        "a signal to the parent": (f"os.kill({parent}, 0)", "PermissionError"),
        "a TCP connection": (f"socket.create_connection(('127.0.0.1', {listener}))", "PermissionError"),
        "a UDP socket": ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", "PermissionError"),
        "a look-up of a name": ("socket.getaddrinfo('example.org', 80)", "gaierror"),
        "a local socket": ("socket.socket(socket.AF_UNIX).connect('/run/any')", "ConnectionRefusedError"),
        "a key of the environment": ("os.environ.get('OPENAI_API_KEY')", "None"),
        "open files": ("resource.getrlimit(resource.RLIMIT_NOFILE)[1]", str(confinement.MAX_OPEN_FILES)),
        "size of files": ("resource.getrlimit(resource.RLIMIT_FSIZE)[1]", str(confinement.MAX_FILE_BYTES)),
    }
    found = run(photo, pictures, {name: code for name, (code, _) in tries.items()}, as_program)
    plain = {name: outcome.replace("socket.", "") for name, outcome in found.items()}
    assert plain == {name: outcome for name, (_, outcome) in tries.items()}
    assert photo.path.exists()


def test_worker_is_not_confined_if_the_user_says_so(photo: Source, pictures: Path, secret: Path) -> None:
    assert run(photo, pictures, {"it": f"open({str(secret)!r}).read()"}, False, confined=False) == {"it": "hunter2"}


def test_worker_serves_documents_of_its_folder_and_is_replaced_for_another(
    photo: Source, pictures: Path, tmp_path: Path
) -> None:
    below, beside = tmp_path / "below" / "a.png", tmp_path.parent / f"beside {tmp_path.name}" / "b.png"
    for path in (below, beside):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(photo.path.read_bytes())
    served: list[int] = []
    with Sandbox(1, 60, 2048) as sandbox:
        for path in (photo.path, below, beside, beside):
            if len(served) == 3:  # a folder that takes the place of another
                beside.parent.rename(tmp_path / "old")
                shutil.copytree(tmp_path / "old", beside.parent)
            assert sandbox.extract(Source(path, "", path.name, "", ""), WITHOUT_OCR, pictures).pictures
            served.append(sandbox._idle[0].pid)
    assert served[0] == served[1]
    assert len(set(served)) == 3


def test_document_in_the_home_folder_opens_only_what_is_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (".ssh/id", "page.html", "page_files/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    access = access_to([tmp_path / "page.html"], [tmp_path / "results"])
    assert {str(tmp_path / "page.html"), str(tmp_path / "page_files")} <= access.read
    assert str(tmp_path) not in access.read
    assert not access.covers(Access(frozenset([str(tmp_path / ".ssh" / "id")])))
    above = access_to([tmp_path.parent / "a.pdf"], [])
    assert str(tmp_path.parent / "a.pdf") in above.read
    assert str(tmp_path.parent) not in above.read


def test_document_behind_a_link_is_readable(photo: Source, pictures: Path, secret: Path) -> None:
    link = photo.path.with_name("link.png")
    link.symlink_to(photo.path.rename(secret.with_name("real.png")))
    with Sandbox(1, 60, 2048) as sandbox:
        assert sandbox.extract(Source(link, "", "link.png", "", ""), WITHOUT_OCR, pictures).pictures


@pytest.mark.parametrize(
    ("version", "seccomp", "says"),
    [
        (7, True, "without network"),
        (1, True, "send signals to your other processes (Landlock 1)"),
        (0, True, "read and write all files that you can (no Landlock)"),
        (0, False, "no Landlock); workers can use the network (no seccomp)"),
    ],
)
def test_doctor_says_what_the_kernel_lacks(
    version: int, seccomp: bool, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confinement, "landlock_version", lambda: version)
    monkeypatch.setattr(confinement, "has_seccomp", lambda: seccomp)
    check = check_sandbox(Settings())
    assert says in check.what
    assert (check.state == "ok") == (version == 7)
    assert check_sandbox(Settings(confine_workers=False)).state == "missing"


@pytest.mark.parametrize("version", [0, 1, 3, 4, 5])
def test_older_kernels_restrict_what_they_can(
    version: int, photo: Source, pictures: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules of each version are accepted; a newer kernel accepts those of older ones."""
    if confinement.landlock_version() < version:
        pytest.skip("this kernel has an older version")
    monkeypatch.setattr(confinement, "landlock_version", lambda: version)
    child = os.fork()
    if not child:
        code = 1
        try:
            confinement.confine(access_to([photo.path], [pictures]), 2048)
            photo.path.read_bytes()
            (pictures / "a").write_text("x")
            code = 2
            secret.read_text()
            code = 3
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == (2 if version else 3)


@needs_libreoffice
def test_libreoffice_converts_a_file_in_a_confined_worker(pictures: Path) -> None:
    """A DOC file as LibreOffice 7.4 wrote it: it becomes a DOCX file, which is read, and a PDF file with its pages."""
    with Sandbox(1, 60, 2048) as sandbox:
        extraction = sandbox.extract(source_of(FILES / "manual.doc"), WITHOUT_OCR, pictures)
    assert [(one.heading, one.page) for one in extraction.passages] == [(("Care",), 1), (("Storage",), 2)]
    assert "cold water every week" in extraction.passages[0].text
    assert ("Figure 1: The place.", 2) in [(one.caption, one.page) for one in extraction.pictures]
