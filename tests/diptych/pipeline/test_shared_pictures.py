"""Documents whose pictures are kept in an object store: a reader never finds a picture that is not there."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from diptych import Diptych, Settings
from diptych.errors import StoreError
from diptych.object_store import ObjectStore
from diptych.picture_store import SharedPictureStore
from diptych.pipeline.ingest import Outcome
from diptych.pipeline.pipeline import Pipeline
from diptych.pipeline.sweep import sweep_store
from diptych.pipeline.transfer.transfer import export_store, import_store
from diptych.store.register import bind_encoders
from diptych.store.spaces import Spaces
from diptych.store.visible_points import visible_points
from extractors.pdf.render import pymupdf
from extractors.pictures.store import image_path
from extractors.types import Extraction, ImageFile, Passage
from tests.support.fakes import document, source
from tests.support.s3_server import S3Server
from tests.support.s3_server import s3 as s3
from tests.support.scripted_pipeline import ScriptedPipeline
from tests.support.scripted_vision import chart, picture, stored


class Killed(BaseException):
    """The end of a process at this point."""


class SharedPipeline(ScriptedPipeline):
    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, "embedded")
        self.objects = ObjectStore(url)
        self.pictures = SharedPictureStore(self.objects, folder / "copy", 1 << 30)

    @property
    def pipeline(self) -> Pipeline:
        return replace(super().pipeline, picture_store=self.pictures)

    def version(self, *charts: int) -> Extraction:
        """A document with these charts, which a worker wrote to the local folder."""
        images = [stored(chart(number, (160, 120)), self.pictures.folder) for number in charts]
        figures = tuple(
            picture(image, caption=f"Figure {n}: chart {n}") for n, image in zip(charts, images, strict=True)
        )
        return document(Passage(f"the pump of {charts}", 1), pictures=figures)

    def read(self, *charts: int) -> Outcome:
        return self.ingest(source("a.pdf", str(charts)), self.version(*charts))

    def shown(self) -> set[str]:
        """Names of the pictures that readers see."""
        payloads = [point.payload for point in visible_points(self.index, [self.index.images])]
        return {image_path(ImageFile(**payload["image"]), Path()).as_posix() for payload in payloads}

    def kept(self) -> set[str]:
        return {name for name in self.objects.list() if name[2:3] == "/"}


OpenShelf = Callable[[str], SharedPipeline]


@pytest.fixture
def open_shelf(tmp_path: Path) -> Iterator[OpenShelf]:
    """Opens a new store whose pictures are kept below a URL."""
    with ExitStack() as opened:

        def open_one(url: str) -> SharedPipeline:
            shelf = SharedPipeline(tmp_path / uuid.uuid4().hex, url)
            opened.callback(shelf.index.close)
            return shelf

        yield open_one


@pytest.fixture
def shelf(open_shelf: OpenShelf) -> SharedPipeline:
    return open_shelf(f"memory://{uuid.uuid4().hex}")


def test_requests_of_a_new_an_unchanged_and_a_changed_document(
    open_shelf: OpenShelf, s3: S3Server, tmp_path: Path
) -> None:
    shelf = open_shelf(s3.url)
    shelf.read(*range(20))
    assert s3.counts() == {"PUT": 21}, "a picture each, and one to see whether the store can be written"
    shelf.read(*range(20))
    assert s3.counts() == {}
    shelf.pictures = SharedPictureStore(ObjectStore(s3.url), tmp_path / "other", 1 << 30)  # another machine
    shelf.read(*range(21))
    assert s3.counts() == {"PUT": 2}, "only the new picture"
    assert shelf.shown() == s3.names() - {".writable"}


@pytest.mark.parametrize("status", [403, 404])
def test_document_stays_as_it_was_if_its_pictures_cannot_be_stored(
    open_shelf: OpenShelf, s3: S3Server, status: int, tmp_path: Path
) -> None:
    shelf = open_shelf(s3.url)
    shelf.read(1)
    before, pictures = shelf.seen(), shelf.shown()
    s3.fail = lambda request: status
    with pytest.raises(StoreError, match=s3.url):
        shelf.read(2)
    assert (shelf.seen(), shelf.shown()) == (before, pictures)
    s3.fail = lambda request: 0
    assert shelf.read(2).status == "complete"
    assert shelf.shown() < s3.names()


def test_a_kill_at_any_instant_leaves_no_hit_without_its_picture(
    shelf: SharedPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Callable[[], None]] = []

    def before_each(target: object, name: str) -> None:
        original = getattr(target, name)

        def call(*arguments: object) -> object:
            steps[0]()
            return original(*arguments)

        monkeypatch.setattr(target, name, call)

    for collection in (shelf.index.text, shelf.index.images, shelf.index.documents):
        before_each(collection, "upsert")
        before_each(collection, "delete")
    before_each(shelf.objects._files, "pipe_file")
    for death in range(40):
        left = [death]

        def step(left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Killed

        steps[:] = [step]
        shelf.pictures._sent.clear()  # as a new process
        version = [death, death + 1, death // 3 + 100]
        try:
            shelf.read(*version)
        except Killed:
            assert shelf.shown() <= shelf.kept()
            steps[:] = [lambda: None]
            shelf.read(*version)
        assert shelf.shown() <= shelf.kept()
        assert len(shelf.shown()) == 3
        if left[0] > 0:
            return
    pytest.fail("the ingest never came to its end")


@pytest.mark.slow
def test_a_process_killed_while_it_sends_pictures(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real SIGKILL when the request for a picture arrives: before it is stored, and before it is answered."""
    for name, value in {"PICTURES": s3.url, "OCR": "off", "WORKERS": "1", "CACHE": str(tmp_path / "writer")}.items():
        monkeypatch.setenv(f"DIPTYCH_{name}", value)
    file, store, sent = tmp_path / "charts.pdf", str(tmp_path / "store"), [0]
    command = [sys.executable, "-m", "flows.cli.main", "ingest", str(file), "--store", store]

    def ingest(version: int, kill_at: int = -1, late: bool = False) -> int:
        write_charts(file, version)
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:

            def kill(request: str) -> int:
                sent[0] += request.startswith("PUT ") and request[6:7] == "/"
                if sent[0] <= kill_at:
                    return 0
                process.kill()
                return 0 if late else 500

            sent[0], s3.fail = 0, kill if kill_at >= 0 else lambda request: 0
            return process.wait()

    def seen() -> set[str]:
        """Versions that readers find. All pictures must be there."""
        s3.fail = lambda request: 0
        with Diptych.open(Settings(store=store)) as diptych:
            opened = diptych._runtime.existing()
            parts = [point.payload for point in visible_points(opened, [opened.images])]
        assert {image_path(ImageFile(**part["image"]), Path()).as_posix() for part in parts} <= s3.names()
        captions = [part["caption"] for part in parts if part["kind"] == "figure"]
        assert len(captions) == CHARTS
        return {caption.rpartition(" ")[2] for caption in captions}

    assert ingest(1) == 0
    for version, (kill_at, late) in enumerate(itertools.product(range(CHARTS), (False, True)), 2):
        assert ingest(version, kill_at, late) == -signal.SIGKILL
        assert seen() == {str(version - 1)}
        assert ingest(version) == 0
        assert seen() == {str(version)}


CHARTS = 2


def write_charts(file: Path, version: int) -> None:
    """A PDF with charts and their captions, all different in each version."""
    with pymupdf().open() as document:
        page = document.new_page(width=420, height=760)
        page.insert_textbox((40, 30, 380, 90), "The charts below show how much water the pump moves.", fontsize=11)
        for number in range(CHARTS):
            content, top = BytesIO(), 100 + 210 * number
            chart(10 * version + number, (160 + 20 * number, 120)).save(content, "PNG")
            page.insert_image((90, top, 310, top + 160), stream=content.getvalue())
            page.insert_text((90, top + 175), f"Figure {number + 1}: The chart of version {version}", fontsize=10)
        document.save(file)


def test_sweep_deletes_old_pictures_that_nothing_shows(
    open_shelf: OpenShelf, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = open_shelf(s3.url)
    shelf.read(1, 2, 3)
    shelf.read(1)
    assert sweep_store(shelf.index, shelf.pictures).pictures == 0, "they may belong to an ingest under way"
    monkeypatch.setattr("diptych.pipeline.sweep.PICTURE_GRACE_SECONDS", -10.0)
    s3.counts()
    assert sweep_store(shelf.index, shelf.pictures).pictures == 2
    counts = s3.counts()
    assert counts["LIST"] <= 5, "two of them ask for other stores"
    assert counts["DELETE"] <= 2
    assert s3.names() - {".writable"} == shelf.shown()
    assert len(list(shelf.pictures.folder.glob("??/*"))) == 1


def test_export_and_import_between_object_stores(
    open_shelf: OpenShelf, shelf: SharedPipeline, s3: S3Server, tmp_path: Path
) -> None:
    bind_encoders(shelf.index, Spaces(shelf.encoder).encoding_config("english"))
    shelf.read(1, 2)
    shelf.pictures = SharedPictureStore(shelf.objects, tmp_path / "elsewhere", 1 << 30)
    moved = export_store(shelf.index, shelf.pictures, tmp_path / "export")
    assert (moved.pictures, moved.lacking) == (2, ())
    new = open_shelf(s3.url)
    assert import_store(tmp_path / "export", new.index, new.pictures) == moved
    assert new.shown() == s3.names() - {".writable"}
