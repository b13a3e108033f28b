"""Paid captions and vectors are exported and imported with a store: real stores and SDKs, a local HTTP server."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diptych import Diptych, Settings
from diptych.endpoints import OpenAI
from diptych.errors import SourceError
from diptych.models.ledger import Ledger, LedgerCaption
from diptych.pipeline.transfer.ledger import CAPTIONS_FILE
from diptych.prices import Price
from flows.cli.transfer import describe_transfer
from tests.support.http_server import Vendor, served
from tests.support.ledgers import ledger_captions, ledger_vectors
from tests.support.openai_requests import Asked
from tests.support.openai_server import OpenAIRoutes
from tests.support.scripted_vision import chart

LUNA, SMALL = "openai:gpt-6-luna", "openai:text-embedding-3-small"
PRICES = dict.fromkeys((LUNA, SMALL), Price(input=1.0, output=10.0))
SAID = {"kind": "chart", "axes": [], "labels": [], "findings": [], "visible_text": ""}


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    number = iter(range(1000))

    def answer(asked: Asked) -> Any:
        return SAID | {"shows": f"Bars, number {next(number)}."}

    with served(OpenAIRoutes(answer=answer)) as running:
        yield running


def opened(vendor: Vendor, folder: Path, pictures: Path | None = None) -> Diptych:
    endpoint = OpenAI(base_url=f"{vendor.url}/v1", dimensions=8)
    place = pictures or folder / "pictures"
    return Diptych.open(
        Settings(
            store=str(folder / "store"), pictures=place, captioner=LUNA, encoder=SMALL, prices=PRICES, openai=endpoint,
            ocr="off", workers=1,
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, vendor: Vendor) -> Path:
    """`files` (three charts), `old` (their store), `export`; another store shares the pictures and the ledger."""
    root = tmp_path_factory.mktemp("moving")
    for name, seeds in {"files": (1, 2, 3), "others": (4, 5)}.items():
        (root / name).mkdir()
        for seed in seeds:
            chart(seed).save(root / name / f"{seed}.png")
    with opened(vendor, root / "old") as old, opened(vendor, root / "other", root / "old" / "pictures") as other:
        for library, files in ((old, "files"), (other, "others")):
            assert {outcome.status for outcome in library.ingest([root / files])} == {"complete"}
        moved = old.maintenance.export_to(root / "export")
    assert (moved.documents, moved.captions) == (3, 3)
    assert describe_transfer(moved).endswith("3 pictures, 3 paid captions")
    return root


@pytest.fixture
def archive(exported: Path, tmp_path: Path) -> Path:
    """A copy of the export that a test may damage."""
    return Path(shutil.copytree(exported / "export", tmp_path / "archive"))


def test_nothing_is_paid_again_after_an_import(exported: Path, vendor: Vendor, tmp_path: Path) -> None:
    with opened(vendor, tmp_path / "new") as new:
        moved = new.maintenance.import_from(exported / "export")
        assert new.maintenance.import_from(exported / "export") == moved  # both are there: nothing changes
    assert moved.captions == 3
    shutil.rmtree(tmp_path / "new" / "store")  # only the ledger and the pictures are left
    sent = len(vendor.requests)
    with opened(vendor, tmp_path / "new") as again:
        assert {outcome.status for outcome in again.ingest([exported / "files"])} == {"complete"}
        assert len(vendor.requests) == sent
        assert again.ingest([exported / "others"])
        assert len(vendor.requests) > sent  # what another store had paid for did not come along


def test_captions_are_imported_with_their_cost(exported: Path, vendor: Vendor, tmp_path: Path) -> None:
    with opened(vendor, tmp_path / "new") as new:
        new.maintenance.import_from(exported / "export")
    lines = [json.loads(line) for line in (exported / "export" / CAPTIONS_FILE).read_text().splitlines()]
    keys = [line["key"] for line in lines]
    before, after = Ledger(exported / "old" / "pictures").captions(keys), Ledger(tmp_path / "new" / "pictures")
    assert after.captions(keys) == before
    assert [(caption.price or 0) > 0 for caption in ledger_captions(after.path.parent)] == [True] * 3


def test_existing_ledger_entries_stay(exported: Path, vendor: Vendor, tmp_path: Path) -> None:
    caption = json.loads((exported / "export" / CAPTIONS_FILE).read_text().splitlines()[0])["key"]
    mine_too = dict.fromkeys(ledger_vectors(exported / "old" / "pictures"), np.full(8, 0.5, np.float32))
    ledger = Ledger(tmp_path / "new" / "pictures")
    mine = LedgerCaption(LUNA, "mine")
    ledger.add_caption(caption, mine)
    ledger.add_vectors(mine_too)
    with opened(vendor, tmp_path / "new") as new:
        new.maintenance.import_from(exported / "export")
    assert ledger.captions([caption]) == {caption: mine}
    vectors = ledger_vectors(tmp_path / "new" / "pictures")
    assert {key: vector.tolist() for key, vector in vectors.items()} == dict.fromkeys(mine_too, [0.5] * 8)
    assert len(ledger_captions(tmp_path / "new" / "pictures")) == 3


def test_only_vectors_of_unit_length_are_imported(archive: Path, vendor: Vendor, tmp_path: Path) -> None:
    rewrite_file("images.description.f32", lambda old: b"\x7f" * 32 + old[32:])(archive)
    with opened(vendor, tmp_path / "new") as new:
        new.maintenance.import_from(archive)
    vectors = ledger_vectors(tmp_path / "new" / "pictures").values()
    assert [round(float(np.linalg.norm(vector)), 3) for vector in vectors] == [1.0] * 2


def test_export_of_an_older_version_can_be_imported(archive: Path, vendor: Vendor, tmp_path: Path) -> None:
    (archive / CAPTIONS_FILE).unlink()
    facts = json.loads((archive / "store.json").read_text())
    assert facts.pop("paid") == {"captions": 3}
    (archive / "store.json").write_text(json.dumps(facts))
    with opened(vendor, tmp_path / "new") as new:
        moved = new.maintenance.import_from(archive)
        assert (moved.documents, moved.captions) == (3, 0)
        assert len(new.documents()) == 3
    assert ledger_captions(tmp_path / "new" / "pictures") == []


def test_refusals_are_exported_and_imported(tmp_path: Path) -> None:
    from diptych.pipeline.transfer.ledger import export_captions, find_paid_captions, import_captions

    old, new = Ledger(tmp_path / "old"), Ledger(tmp_path / "new")
    refusal = LedgerCaption(LUNA, "", "will not say")
    old.add_captions({"a" * 64: refusal, "b" * 64: LedgerCaption(LUNA, "", "another reason")})
    point = {"captioned_by": LUNA, "caption_skipped": "refused: will not say", "modality": "image"}
    found = find_paid_captions([point])
    (tmp_path / "export").mkdir()
    assert export_captions(old, found, tmp_path / "export") == 1
    import_captions(tmp_path / "export", found, new)
    assert new.captions(["a" * 64, "b" * 64]) == {"a" * 64: refusal}


def change_first_line(name: str, **fields: Any) -> Callable[[Path], None]:
    def damage(archive: Path) -> None:
        first, *rest = (archive / name).read_text().splitlines()
        (archive / name).write_text("\n".join([json.dumps(json.loads(first) | fields), *rest]) + "\n")

    return damage


def rewrite_file(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(archive: Path) -> None:
        (archive / name).write_bytes(change((archive / name).read_bytes()))

    return damage


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "caption of no picture": (
        change_first_line(CAPTIONS_FILE, text="Buy my pumps."),
        f"{CAPTIONS_FILE}, line 1: a caption that belongs to no picture",
    ),
    "invalid key": (change_first_line(CAPTIONS_FILE, key="../../x"), f"{CAPTIONS_FILE}, line 1: key: "),
    "negative price": (change_first_line(CAPTIONS_FILE, price=-1.0), f"{CAPTIONS_FILE}, line 1: price: "),
    "number too large for SQLite": (
        change_first_line(CAPTIONS_FILE, usage={"requests": 2**70}),
        f"{CAPTIONS_FILE}, line 1: usage",
    ),
    "invalid date": (change_first_line(CAPTIONS_FILE, at="<b>"), f"{CAPTIONS_FILE}, line 1: at: "),
    "unknown field": (change_first_line(CAPTIONS_FILE, more=1), f"{CAPTIONS_FILE}, line 1: more: "),
    "not JSON": (rewrite_file(CAPTIONS_FILE, lambda old: b"\xff\x00{" * 99), f"{CAPTIONS_FILE}, line 1: "),
    "endless line": (rewrite_file(CAPTIONS_FILE, lambda old: b"[" * 300_000), f"{CAPTIONS_FILE}, line 1: "),
    "missing line": (
        rewrite_file(CAPTIONS_FILE, lambda old: old.split(b"\n", 1)[1]),
        "contains 2 paid captions, .* lists 3",
    ),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_damaged_ledger_files_are_refused_and_not_imported(
    archive: Path, vendor: Vendor, tmp_path: Path, what: str
) -> None:
    damage, message = DAMAGES[what]
    valid = {json.loads(line)["text"] for line in (archive / CAPTIONS_FILE).read_text().splitlines()}
    damage(archive)
    with opened(vendor, tmp_path / "new") as new:
        with pytest.raises(SourceError, match=message):
            new.maintenance.import_from(archive)
        assert new.documents() == []
    path = Ledger(tmp_path / "new" / "pictures").path
    if path.exists():  # good lines before the bad one may be in
        with closing(sqlite3.connect(path)) as kept:
            assert {text for (text,) in kept.execute("SELECT text FROM captions")} <= valid


def test_picture_that_does_not_match_its_hash_is_refused(archive: Path, vendor: Vendor, tmp_path: Path) -> None:
    (archive / CAPTIONS_FILE).unlink()
    facts = json.loads((archive / "store.json").read_text())
    (archive / "store.json").write_text(json.dumps({**facts, "paid": {}}))
    damaged = sorted((archive / "pictures").glob("??/*"))[0]
    damaged.write_bytes(b"another picture")
    with (
        opened(vendor, tmp_path / "new") as new,
        pytest.raises(SourceError, match="does not match the hash"),
    ):
        new.maintenance.import_from(archive)
    assert not list((tmp_path / "new" / "pictures").glob(f"??/{damaged.stem}*"))
