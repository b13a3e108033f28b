"""Export a store and import it, from either engine to the other."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from diptych.errors import SourceError, StoreMismatch
from diptych.picture_store import PictureStore
from diptych.pipeline.transfer import transfer
from diptych.pipeline.transfer.transfer import MISSING_PICTURE, export_dimensions, export_store, import_store
from diptych.store.points import EncodingConfig
from diptych.store.register import bind_encoders, list_records
from diptych.store.types import Store
from extractors.pictures.store import save_image_bytes
from flows.cli.main import run
from tests.support.command_line import error_line, run_messages
from tests.support.fakes import WordEncoder, source
from tests.support.papers import png_bytes, write_paper
from tests.support.scripted_pipeline import OLD, WHOLE_OLD, ScriptedPipeline
from tests.support.stores import ENGINES

READING = EncodingConfig(WordEncoder.fingerprint)


def filled_store(folder: Path, engine: str) -> ScriptedPipeline:
    bench = ScriptedPipeline(folder, engine)
    bind_encoders(bench.index, READING)
    picture = save_image_bytes(b"a picture", ".png", (40, 30), folder)
    parts = replace(OLD, pictures=(replace(OLD.pictures[0], image=picture),))
    bench.ingest(source("a.pdf", price=3, sale=True), parts)
    return bench


def vectors(index: Store) -> dict[str, list[float]]:
    points = [*index.text.scroll(vectors=True), *index.images.scroll(vectors=True)]
    return {p.id: np.round(v, 5).tolist() for p in points for v in p.vectors.values()}


@pytest.mark.parametrize(("source_engine", "target_engine"), [("embedded", "memory"), ("memory", "embedded")])
def test_export_and_import_transfer_the_whole_store(tmp_path: Path, source_engine: str, target_engine: str) -> None:
    old, new = filled_store(tmp_path / "old", source_engine), ScriptedPipeline(tmp_path / "new", target_engine)
    moved = export_store(old.index, PictureStore(old.folder), tmp_path / "export")
    assert (moved.documents, moved.text, moved.images, moved.pictures) == (1, 4, 1, 1)
    assert export_dimensions(tmp_path / "export") == {"dense": WordEncoder.size, "description": WordEncoder.size}
    assert import_store(tmp_path / "export", new.index, PictureStore(new.folder)) == moved
    assert (
        import_store(tmp_path / "export", new.index, PictureStore(new.folder)) == moved
    )  # repeating it changes nothing
    assert new.stored() == old.stored()
    assert vectors(new.index) == vectors(old.index)
    assert list_records(new.index) == list_records(old.index)
    assert new.seen() == WHOLE_OLD
    (picture,) = [hit.image for hit in new.hits() if hit.image]
    assert Path(picture).read_bytes() == b"a picture"
    new.ingest(source("a.pdf", price=3, sale=True), OLD)
    assert new.encoder.encoded == []  # the import counts as done
    old.index.close()
    new.index.close()


@pytest.mark.parametrize(("language", "code"), [("auto", 0), ("english", 0), ("german", 1)])
def test_new_store_takes_the_language_of_an_export_unless_another_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    write_paper(tmp_path / "paper.pdf", "The pumps of the plant are greased each spring.")
    monkeypatch.setenv("DIPTYCH_LANGUAGE", "english")
    assert run(["ingest", "paper.pdf", "--store", "old"]) == 0
    assert run(["export", "out", "--store", "old"]) == 0
    monkeypatch.setenv("DIPTYCH_LANGUAGE", language)
    assert run(["import", "out", "--store", "new"]) == code
    assert run(["query", "pump", "--store", "new"]) == 0
    monkeypatch.setenv("DIPTYCH_LANGUAGE", "english")
    assert run(["query", "pump", "--store", "new"]) == code


@pytest.mark.parametrize("engine", ENGINES)
def test_folder_that_is_not_an_export_is_refused(tmp_path: Path, engine: str) -> None:
    bench = filled_store(tmp_path / "old", engine)
    with pytest.raises(SourceError, match="not empty"):
        export_store(bench.index, PictureStore(bench.folder), tmp_path)
    with pytest.raises(SourceError, match="not a complete export"):
        import_store(tmp_path, bench.index, PictureStore(bench.folder))
    export_store(bench.index, PictureStore(bench.folder), tmp_path / "export")
    facts = json.loads((tmp_path / "export" / "store.json").read_text())
    (tmp_path / "export" / "store.json").write_text(json.dumps({**facts, "format": 9}))
    with pytest.raises(SourceError, match="format 9"):
        import_store(tmp_path / "export", bench.index, PictureStore(bench.folder))
    (tmp_path / "export" / "store.json").write_text(json.dumps({**facts, "reading": {"encoder": "other"}}))
    with pytest.raises(StoreMismatch):
        import_store(tmp_path / "export", bench.index, PictureStore(bench.folder))
    bench.index.close()


def test_export_that_was_interrupted_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = filled_store(tmp_path / "old", "memory")
    with monkeypatch.context() as patch:
        patch.setattr(transfer, "_export_pictures", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            export_store(bench.index, PictureStore(bench.folder), tmp_path / "export")
    with pytest.raises(SourceError, match="not a complete export"):
        import_store(tmp_path / "export", bench.index, PictureStore(bench.folder))
    export_store(bench.index, PictureStore(bench.folder), tmp_path / "export")
    export_store(bench.index, PictureStore(bench.folder), tmp_path / "other")
    names = [sorted(file.name for file in (tmp_path / one).rglob("*")) for one in ("export", "other")]
    assert names[0] == names[1]
    with pytest.raises(SourceError, match="not empty"):
        export_store(bench.index, PictureStore(bench.folder), tmp_path / "export")
    bench.index.close()


def test_picture_name_in_an_export_cannot_be_a_path(tmp_path: Path) -> None:
    bench = filled_store(tmp_path / "old", "memory")
    export_store(bench.index, PictureStore(bench.folder), tmp_path / "export")
    lines = (tmp_path / "export" / "images.jsonl").read_text()
    line = json.loads(lines)
    line["payload"]["image"]["sha256"] = "../../../../etc/passwd"
    (tmp_path / "export" / "images.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(ValueError, match="not the name of a stored image"):
        import_store(tmp_path / "export", bench.index, PictureStore(bench.folder))
    bench.index.close()


def test_import_of_a_missing_folder_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert error_line(capsys, "import", str(tmp_path / "nothere")) == (
        f"diptych: {tmp_path / 'nothere'}: no such folder; give one written by `diptych export`"
    )
    assert "store.json: No such file or directory" in error_line(capsys, "import", str(tmp_path))


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "damaged"])
def test_damaged_picture_is_left_out_and_reported(tmp_path: Path, gone: bool) -> None:
    old, new = filled_store(tmp_path / "old", "embedded"), ScriptedPipeline(tmp_path / "new", "embedded")
    (file,) = old.folder.glob("??/*.png")
    file.unlink() if gone else file.write_bytes(b"half a pict")
    moved = export_store(old.index, PictureStore(old.folder), tmp_path / "export")
    assert (moved.pictures, moved.images, moved.lacking) == (0, 1, ("a.pdf, page 1",))
    assert list((tmp_path / "export").rglob("*.draft")) == []
    assert import_store(tmp_path / "export", new.index, PictureStore(new.folder)) == moved
    assert new.seen() == WHOLE_OLD  # its words are found all the same
    (record,) = list_records(new.index)
    assert record.status == "partial"
    assert [(one["page"], one["reason"]) for one in record.problems] == [(1, MISSING_PICTURE)]
    assert list_records(old.index)[0].status == "complete"
    old.index.close()
    new.index.close()


def test_picture_damaged_after_the_export_is_refused(tmp_path: Path) -> None:
    old, new = filled_store(tmp_path / "old", "memory"), ScriptedPipeline(tmp_path / "new", "memory")
    export_store(old.index, PictureStore(old.folder), tmp_path / "export")
    (file,) = (tmp_path / "export" / "pictures").glob("??/*.png")
    for damage in (lambda: file.write_bytes(b"another picture"), file.unlink):
        damage()
        with pytest.raises(SourceError, match="is missing or does not match the hash in its name"):
            import_store(tmp_path / "export", new.index, PictureStore(new.folder))


def test_retry_after_an_import_restores_the_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "red.png").write_bytes(png_bytes(640, 480))
    assert run(["ingest", "red.png", "--store", "old"]) == 0
    (file,) = (tmp_path / "old" / "pictures").glob("??/*.png")
    file.write_bytes(b"half a pict")
    lines = run_messages(capsys, "export", "export", "--store", "old", code=3)
    assert lines[0] == "left out   a picture of red.png, page 1: its file is missing or damaged"
    assert run_messages(capsys, "import", "export", "--store", "new", code=3)[0] == lines[0]
    assert not (tmp_path / "new" / "pictures" / file.parent.name / file.name).exists()
    assert run(["retry", "--all", "--store", "new"]) == 0
    assert (tmp_path / "new" / "pictures" / file.parent.name / file.name).exists()
