"""A writer for the tests of power cuts: `python -m tests.support.power_cut STORE SEED` writes until it is killed.

It prints `name version` for every document that was reported as complete. A document of version v has a passage and a
picture file that nothing else has, so that a reader can check by eye what survived.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from diptych.picture_store import PictureStore
from diptych.pipeline.ingest import ingest_document
from diptych.pipeline.pipeline import Pipeline
from diptych.store.embedded.store import EmbeddedStore
from diptych.store.register import DocumentRecord, is_visible, list_records
from diptych.store.spaces import Spaces
from diptych.store.types import Store, text_shapes
from extractors.pictures.store import image_path, save_image_bytes
from extractors.types import ImageFile, Options, Passage, Picture
from tests.support.fakes import ScriptedSandbox, WordEncoder, document, source

NAMES = ("a.pdf", "b.pdf", "c.pdf")
Versions = dict[str, int]


def open_cut_store(folder: Path) -> EmbeddedStore:
    return EmbeddedStore(folder, text_shapes(WordEncoder.size), lock_seconds=60)


def ingest_version(store: Store, folder: Path, name: str, version: int) -> None:
    image = save_image_bytes(f"{name} {version}".encode() * 50, ".png", (40, 30), folder)
    picture = Picture("figure", 1, image, (10.0, 10.0, 50.0, 40.0), "", f"Figure 1: {name} {version}")
    sandbox = ScriptedSandbox()
    sandbox.scripts[name] = document(Passage(f"pump {version}", 1), Passage("shared", 1), pictures=(picture,))
    pipeline = Pipeline(store, Spaces(WordEncoder()), sandbox, Options(), PictureStore(folder))
    assert ingest_document(source(name, str(version)), pipeline).status in ("complete", "unchanged")


def surviving_versions(store: Store, folder: Path) -> Versions:
    """The version of each document that the register has, after checking that nothing of it is missing."""
    found: Versions = {}
    payloads = {point.id: point.payload for collection in (store.text, store.images) for point in collection.scroll()}
    for record in list_records(store):
        version = version_of(record)
        visible = [one for id, one in payloads.items() if is_visible(one, id, {record.id: record})]
        texts = sorted(payload["text"] for payload in visible if "text" in payload)
        assert texts == [f"pump {version}", "shared"], (record.name, texts)
        (picture,) = (payload for payload in visible if "image" in payload)
        assert picture["caption"] == f"Figure 1: {record.name} {version}"
        content = image_path(ImageFile(**picture["image"]), folder).read_bytes()
        assert content == f"{record.name} {version}".encode() * 50, (record.name, len(content))
        found[record.name] = version
    return found


def version_of(record: DocumentRecord) -> int:
    return int(record.sha256.rsplit(" ", 1)[1])


def write_until_killed(folder: Path, seed: int) -> None:
    moments, store = random.Random(seed), open_cut_store(folder)
    for version in range(max(map(version_of, list_records(store)), default=0) + 1, 1_000_000):
        for name in moments.sample(NAMES, k=len(NAMES)):
            ingest_version(store, folder, name, version)
            print(name, version, flush=True)


if __name__ == "__main__":
    write_until_killed(Path(sys.argv[1]), int(sys.argv[2]))
