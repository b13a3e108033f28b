"""A picture store in an object store: two machines, few requests, a local copy of limited size."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from diptych.errors import StoreError
from diptych.object_store import ObjectStore
from diptych.picture_store import PictureStore, SharedPictureStore, open_picture_store
from extractors.pictures.store import image_path, save_image_bytes
from tests.support.s3_server import S3Server
from tests.support.s3_server import s3 as s3


def machine(s3: S3Server, folder: Path, copy_bytes: int = 1 << 30) -> SharedPictureStore:
    return SharedPictureStore(ObjectStore(s3.url), folder, copy_bytes)


def write(pictures: PictureStore, count: int, size: int = 10) -> list[Path]:
    """Images as a worker writes them."""
    images = [save_image_bytes(bytes([number]) * size, ".png", (1, 1), pictures.folder) for number in range(count)]
    return [image_path(image, pictures.folder) for image in images]


def make_old(files: list[Path], seconds: float = 10_000) -> None:
    for file in files:
        os.utime(file, (time.time() - seconds,) * 2)


def test_second_machine_reads_what_the_first_one_saved(s3: S3Server, tmp_path: Path) -> None:
    one, two = machine(s3, tmp_path / "one"), machine(s3, tmp_path / "two")
    files = write(one, 10)
    one.save(files)
    assert s3.counts() == {"PUT": 10}
    one.save(files)
    one.load(files)
    assert s3.counts() == {}, "what this process sent is known"
    wanted = [two.folder / file.relative_to(one.folder) for file in files]
    two.load([*wanted, two.folder / "ff" / f"{'f' * 64}.png"])
    assert s3.counts() == {"GET": 11}
    assert [file.read_bytes() for file in wanted] == [file.read_bytes() for file in files]
    two.load(wanted)
    assert s3.counts() == {}


def test_worker_writes_an_image_again_that_was_saved(s3: S3Server, tmp_path: Path) -> None:
    pictures = machine(s3, tmp_path)
    (file,) = write(pictures, 1)
    pictures.save([file])
    assert write(pictures, 1) == [file]


def test_damaged_file_counts_as_missing(s3: S3Server, tmp_path: Path) -> None:
    pictures = machine(s3, tmp_path)
    name = f"aa/{'a' * 64}.png"
    s3.client.put_object(Bucket=s3.bucket, Key=f"{s3.folder}/{name}", Body=b"other bytes")
    pictures.load([tmp_path / name])
    assert not (tmp_path / name).exists()


def test_local_copy_keeps_to_its_limit(s3: S3Server, tmp_path: Path) -> None:
    pictures = machine(s3, tmp_path, copy_bytes=5000)
    sent = write(pictures, 4, 1000)
    pictures.save(sent)
    make_old(sent[:3])
    unsent = write(pictures, 5, 999)[4:]
    make_old(unsent)
    later = [save_image_bytes(bytes([99]) * 2000, ".png", (1, 1), tmp_path)]
    pictures.save([image_path(later[0], tmp_path)])
    assert [file.exists() for file in sent] == [False, False, False, True], "those used last stay"
    assert unsent[0].exists(), "a file that only this machine has stays"
    pictures.load(sent)
    assert all(file.exists() for file in sent)


def test_picture_that_was_lost_before_it_was_sent_is_reported(s3: S3Server, tmp_path: Path) -> None:
    pictures = machine(s3, tmp_path)
    with pytest.raises(StoreError, match=r"cannot be sent to s3://.*run again"):
        pictures.save([tmp_path / "aa" / f"{'a' * 64}.png"])


@pytest.mark.parametrize("shared", [True, False])
def test_file_written_again_is_not_deleted(shared: bool, s3: S3Server, tmp_path: Path) -> None:
    pictures = machine(s3, tmp_path) if shared else PictureStore(tmp_path)
    files = write(pictures, 3)
    pictures.save(files)
    start = time.time() + 100
    assert sorted(pictures.find_old(start)) == sorted(files)
    os.utime(files[0], (start + 1,) * 2)
    before = start if not shared else 0.0  # as if the server had stamped all of them later
    assert pictures.delete(files, before) == (0 if shared else 2)
    assert pictures.delete(files, start + 100) == (3 if shared else 1)
    assert pictures.find_old(start + 1000) == []


def test_names_in_the_object_store_lead_to_no_other_files(s3: S3Server, tmp_path: Path) -> None:
    pictures, victim = machine(s3, tmp_path / "copy"), tmp_path / "victim.png"
    pictures.folder.mkdir()
    victim.write_bytes(b"own")
    for name in ("../victim.png", "aa/../../victim.png", f"aa/../{'b' * 64}.png", "zz/notes.txt"):
        s3.client.put_object(Bucket=s3.bucket, Key=f"{s3.folder}/{name}", Body=b"x")
    found = pictures.find_old(time.time() + 1000)
    assert pictures.delete(found, time.time() + 1000) == 0
    assert (found, victim.read_bytes()) == ([], b"own")


def test_place_decides_where_pictures_are_kept(tmp_path: Path) -> None:
    assert open_picture_store(str(tmp_path), tmp_path, 1).folder == tmp_path
    assert open_picture_store(tmp_path.as_uri(), tmp_path, 1).folder == tmp_path
    shared = open_picture_store("s3://b/p/", tmp_path, 1)
    assert shared.objects
    assert shared.objects.url == "s3://b/p"
    assert shared.folder == tmp_path / "pictures" / hashlib.sha256(b"s3://b/p").hexdigest()[:16]
