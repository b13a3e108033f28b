"""Cut the power while documents are written: what was reported as complete is still there, with its pictures."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from diptych.store.types import text_shapes
from tests.support.fakes import WordEncoder
from tests.support.power_cut import NAMES, Versions, ingest_version, open_cut_store, surviving_versions
from tests.support.stores import copy_without_holes, open_embedded_store

CUTS, NAME = 20, NAMES[0]


class RecordedSyncs:
    """Everything that is synced below a folder, in order. The rest is lost when the power is cut."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._sync = folder, os.fsync
        self.events: list[tuple[int, bytes | dict[str, int]]] = []
        """Inode, and what was synced: the content of a file, or the names and inodes in a folder."""
        self.sizes: dict[int, int] = {}
        self._synced: dict[int, bytes | dict[str, int]] = {}
        patch.setattr(os, "fsync", self._record)

    def _record(self, handle: int) -> None:
        self._sync(handle)
        path, facts = Path(f"/proc/self/fd/{handle}").readlink(), os.fstat(handle)
        content = _inodes(path) if path.is_dir() else _content(path)
        if self._synced.get(facts.st_ino) != content:
            self._synced[facts.st_ino] = content
            self.sizes[facts.st_ino] = facts.st_size
            self.events.append((facts.st_ino, content))

    def restore(self, before: Path, folder: Path, cut: int) -> None:
        """Write to `folder` what a disk with the content of `before` has when the power is cut after `cut` syncs."""
        shutil.copytree(before, folder, copy_function=copy_without_holes)
        self._restore(self._folder, folder, dict(self.events[:cut]))

    def _restore(self, recorded: Path, folder: Path, synced: dict[int, bytes | dict[str, int]]) -> None:
        listed = synced.get(recorded.stat().st_ino, {})
        assert isinstance(listed, dict)
        for name, inode in {**_inodes(recorded), **listed}.items():
            place, content = folder / name, synced.get(inode)
            if not place.exists() and name not in listed:
                continue
            if (recorded / name).is_dir():
                place.mkdir(exist_ok=True)
                self._restore(recorded / name, place, synced)
            elif isinstance(content, bytes) or not place.exists():
                place.write_bytes(content if isinstance(content, bytes) else b"")
                os.truncate(place, self.sizes.get(inode, 0))


def _inodes(folder: Path) -> dict[str, int]:
    return {one.name: one.stat().st_ino for one in folder.iterdir()}


def _content(file: Path) -> bytes:
    """Without the zeros at the end: the engine's log is 32 MiB long from the start."""
    with file.open("rb") as stream:
        chunks = iter(lambda: stream.read(1 << 16).rstrip(b"\0"), b"")
        return b"".join(chunk.ljust(1 << 16, b"\0") for chunk in chunks).rstrip(b"\0")


def test_power_cut_after_any_sync_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, before = tmp_path / "store", tmp_path / "before"
    first = open_embedded_store(store, text_shapes(WordEncoder.size), lock_seconds=60)
    ingest_version(first, store, NAME, 1)
    first.close()
    shutil.copytree(store, before, copy_function=copy_without_holes)
    with monkeypatch.context() as patch:
        syncs, writing = RecordedSyncs(store, patch), open_cut_store(store)
        ingest_version(writing, store, NAME, 2)
        reported = len(syncs.events)
    writing.close()
    assert reported > 5
    for cut in range(reported + 1):
        syncs.restore(before, folder := tmp_path / str(cut), cut)
        restarted = open_cut_store(folder)
        assert_survived({NAME: 2 if cut == reported else 1}, surviving_versions(restarted, folder))
        ingest_version(restarted, folder, NAME, 2)
        assert surviving_versions(restarted, folder) == {NAME: 2}
        restarted.close()
        shutil.rmtree(folder)


def assert_survived(reported: Versions, survivors: Versions) -> None:
    lost = {name: version for name, version in reported.items() if survivors.get(name, 0) < version}
    assert not lost, survivors


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    """A real file system in a file: what is not synced is not in the file, as with a disk whose power is cut."""
    folder.mkdir(exist_ok=True)
    mount = subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, text=True, check=False)
    if mount.returncode:
        pytest.skip(f"this user may not mount a file system: {mount.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def cut_power(image: Path, folder: Path, moments: random.Random) -> Versions:
    """Write to the file system in `image` until the power is cut. Returns what was reported as complete by then."""
    reported: Versions = {}
    remains = image.with_suffix(".cut")
    with mounted(image, folder):
        command = [sys.executable, "-m", "tests.support.power_cut", str(folder / "store"), str(moments.random())[2:8]]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            reported |= [_parse(writer.stdout.readline())]
            # The rest is read once the writer is stopped: what it printed until then, it reported.
            time.sleep(moments.uniform(0, 0.4))
            writer.send_signal(signal.SIGSTOP)
            for file in moments.sample(files := _files(folder), k=moments.randrange(len(files))):
                _write_back(file)  # as the kernel does for files that nobody synced, in any order
            copy_without_holes(str(image), str(remains))
            writer.kill()
            reported |= [_parse(line) for line in writer.stdout]
    remains.replace(image)
    return reported


def _parse(line: str) -> tuple[str, int]:
    name, version = line.split()
    return name, int(version)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _write_back(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY)
    os.fdatasync(handle)
    os.close(handle)


@pytest.mark.slow
def test_power_cuts_lose_nothing_on_a_real_file_system(tmp_path: Path) -> None:
    image, moments, reported = tmp_path / "disk.img", random.Random(4), Versions()
    with image.open("wb") as file:
        file.truncate(1 << 30)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    for _ in range(CUTS):
        reported |= cut_power(image, tmp_path / "disk", moments)
        subprocess.run(["e2fsck", "-fy", image], capture_output=True, check=False)
        with mounted(image, tmp_path / "disk") as disk:
            store = open_cut_store(disk / "store")
            assert_survived(reported, surviving_versions(store, disk / "store"))
            store.close()
    print(f"{CUTS} power cuts; documents are now of versions {reported}")
