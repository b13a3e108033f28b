"""A store and the picture store that belongs to it: another folder is not taken for it, and nothing is swept there."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from diptych import Diptych, Settings
from diptych.errors import StoreError
from diptych.object_store import ObjectStore
from diptych.picture_store import PictureStore, SharedPictureStore
from diptych.store.picture_binding import bind_pictures, find_wrong_pictures
from diptych.store.types import PICTURES_ID, Store
from tests.support.papers import write_leaflet
from tests.support.s3_server import S3Server
from tests.support.s3_server import s3 as s3
from tests.support.scripted_vision import chart
from tests.support.stores import open_store


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    (tmp_path / "shelf").mkdir()
    write_leaflet(tmp_path / "shelf" / "leaflet.pdf")
    return tmp_path / "shelf"


def settings(folder: Path, pictures: str, store: str = "store", **changed: Any) -> Settings:
    return Settings(store=str(folder / store), pictures=str(folder / pictures), **changed)


def images(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("??/*")}


def test_sweep_leaves_the_pictures_of_another_store(shelf: Path, tmp_path: Path) -> None:
    with Diptych.open(settings(tmp_path, "pictures", "one")) as one:
        one.ingest([shelf])
        chart(1).save(tmp_path / "chart.png")
        before = images(tmp_path / "pictures")
        with Diptych.open(settings(tmp_path, "pictures", "two")) as two:
            two.ingest([tmp_path / "chart.png"])
            for file in (tmp_path / "pictures").glob("??/*"):
                os.utime(file, (time.time() - 10_000,) * 2)
            swept = two.maintenance.sweep()
            assert images(tmp_path / "pictures") > before
            assert swept.pictures == 0
            assert swept.kept.startswith("unused pictures are kept, because another store uses ")
            Path(swept.kept.rpartition("delete ")[2]).unlink()
            swept = two.maintenance.sweep()
            assert (swept.pictures, swept.kept) == (len(before), "")


def test_command_with_another_picture_folder_changes_nothing_and_names_the_right_one(
    shelf: Path, tmp_path: Path
) -> None:
    with Diptych.open(settings(tmp_path, "right")) as right:
        right.ingest([shelf])
    chart(1).save(shelf / "chart.png")
    wrong = settings(tmp_path, "wrong")
    with Diptych.open(wrong) as opened:
        for command in (
            lambda: opened.maintenance.sweep(),
            lambda: opened.maintenance.reindex(),
            lambda: opened.maintenance.export_to(tmp_path / "export"),
            lambda: opened.ingest([shelf]),  # closes the store
        ):
            with pytest.raises(StoreError, match=rf"wrong: does not hold .* which are in {tmp_path}/right"):
                command()
    assert not (tmp_path / "wrong").exists()
    assert not (tmp_path / "export").exists()
    with Diptych.open(wrong) as opened:
        found = opened.search("pump")
        assert found
        assert "set DIPTYCH_PICTURES" in found.problem
        assert len(opened.documents()) == 1


def test_binding_does_not_wait_for_the_document_that_needs_it(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diptych.store.embedded.lock.DOCUMENT_LOCKS", 1)  # documents may share a lock
    with Diptych.open(settings(tmp_path, "pictures")) as opened:
        assert [one.status for one in opened.ingest([shelf])] == ["complete"]


def test_store_of_an_earlier_version_is_bound_where_its_pictures_are(shelf: Path, tmp_path: Path) -> None:
    right = settings(tmp_path, "right")
    with Diptych.open(right) as opened:
        opened.ingest([shelf])
        opened._runtime.store().documents.delete([PICTURES_ID])
    shutil.rmtree(tmp_path / "right" / "stores")
    with (
        Diptych.open(settings(tmp_path, "wrong")) as opened,
        pytest.raises(StoreError, match="does not hold") as failed,
    ):
        opened.maintenance.sweep()
    needed = Path(str(failed.value).rpartition("empty file ")[2])
    assert needed.parent == tmp_path / "wrong" / "stores"
    with Diptych.open(right) as opened:
        opened._runtime.store().documents.delete([PICTURES_ID])
    with Diptych.open(right) as opened:
        assert opened.maintenance.sweep().kept == ""
        assert opened.search("pump").problem == ""


def test_the_way_out_works_where_pictures_are_lost(shelf: Path, tmp_path: Path) -> None:
    with Diptych.open(settings(tmp_path, "lost")) as opened:
        opened.ingest([shelf])
    shutil.rmtree(tmp_path / "lost")
    with Diptych.open(settings(tmp_path, "lost")) as opened, pytest.raises(StoreError) as failed:
        opened.maintenance.sweep()
    needed = Path(str(failed.value).rpartition("empty file ")[2])
    needed.parent.mkdir(parents=True)
    needed.touch()
    with Diptych.open(settings(tmp_path, "lost")) as opened:
        assert opened.maintenance.sweep().kept == ""


def test_object_stores_are_bound_as_folders_are(s3: S3Server, tmp_path: Path) -> None:
    store: Store = open_store("embedded", tmp_path / "store", 4)
    right = SharedPictureStore(ObjectStore(s3.url), tmp_path / "copy", 1 << 30)
    bind_pictures(store, right)
    bind_pictures(store, SharedPictureStore(ObjectStore(s3.url), tmp_path / "other-machine", 1 << 30))
    wrong = SharedPictureStore(ObjectStore(f"{s3.url}-2"), tmp_path / "copy-2", 1 << 30)
    assert f"which are in {s3.url}. " in find_wrong_pictures(store, wrong)
    store.close()


def test_folder_that_cannot_be_written_is_reported_before_a_document_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"pictures cannot be stored .*set DIPTYCH_PICTURES"):
        PictureStore(tmp_path / "file" / "pictures").check_writable()
