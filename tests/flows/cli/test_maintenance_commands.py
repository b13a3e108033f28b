"""The commands that maintain a store: status, retry, delete, sweep, reindex, export and import."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from diptych import Diptych
from diptych.settings import load_settings
from flows.cli.main import run
from tests.support.command_line import document_statuses, error_line, run_json, run_messages
from tests.support.papers import write_leaflet, write_paper, write_photo


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with documents in `shelf`, and a copy of both `shelf` and its store `s` in `copy`."""
    folder = tmp_path_factory.mktemp("maintenance")
    shelf = folder / "shelf"
    shelf.mkdir()
    write_leaflet(shelf / "leaflet.pdf")
    (shelf / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    row = {"id": 1, "description": "A jacket for heavy rain.", "image": "jacket.png"}
    (shelf / "products.jsonl").write_text(json.dumps(row) + "\n")
    assert run(["ingest", str(shelf), "--store", str(folder / "s")]) == 4
    (folder / "copy").mkdir()
    copy_folders([shelf, folder / "s"], folder / "copy")
    return folder


def copy_folders(folders: list[Path], target: Path) -> None:
    """The files of a store are sparse, which `shutil` ignores: it would write half a gigabyte."""
    subprocess.run(["cp", "--recursive", "--sparse=auto", *folders, target], check=True)


@pytest.fixture
def shelf(template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder ingested into the store `s`: a leaflet with a figure, a broken PDF, a row whose picture is missing.

    It is restored for each test, at the same path, because the store has the paths of its documents.
    """
    for path in template.iterdir():
        if path.name != "copy":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    copy_folders(list((template / "copy").iterdir()), template)
    monkeypatch.chdir(template)
    return template / "shelf"


@pytest.mark.usefixtures("shelf")
def test_status_shows_what_is_missing_why_and_how_to_fix_it(capsys: pytest.CaptureFixture[str]) -> None:
    records = {line["name"]: line for line in run_json(capsys, "status", "--store", "s")}
    assert {name: (one["status"], one["transient"]) for name, one in records.items()} == {
        "shelf/leaflet.pdf": ("complete", False),
        "shelf/broken.pdf": ("failed", False),
        "shelf/products.jsonl#1": ("partial", False),
    }
    assert "jacket.png" in records["shelf/products.jsonl#1"]["problems"][0]["reason"]
    assert run(["status", "--store", "s"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "failed (permanent) shelf/broken.pdf" in text
    assert "`diptych delete NAME --store s`" in text
    assert "1 partial, with the missing parts listed: `diptych retry --all --store s` reads them again" in text


def test_status_shows_each_note_once_with_its_documents(
    shelf: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_OCR", "off")
    for name in ("a.png", "b.png"):
        write_photo(shelf / name, "")
    run(["ingest", "shelf/a.png", "shelf/b.png", "--store", "s"])
    capsys.readouterr()
    assert run(["status", "--store", "s"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.count("note: shelf/a.png and 1 more: OCR is switched off") == 1


@pytest.mark.usefixtures("shelf")
def test_status_shows_pages_and_failures_only(capsys: pytest.CaptureFixture[str]) -> None:
    failed = run_json(capsys, "status", "--failed", "--store", "s")
    assert [line["name"] for line in failed] == ["shelf/broken.pdf", "shelf/products.jsonl#1"]
    assert [line["name"] for line in run_json(capsys, "status", "--limit", "2-3", "--store", "s")] == [
        "shelf/leaflet.pdf", "shelf/products.jsonl#1",
    ]  # fmt: skip
    assert run(["status", "--limit", "2-2", "--store", "s"]) == 0
    printed = capsys.readouterr().out
    assert "leaflet.pdf" in printed
    assert "broken.pdf" not in printed
    assert "documents 2-2 of 3; --limit FROM-TO shows others" in printed
    assert "3 documents (1 complete, 1 partial, 1 failed)" in printed


def test_status_names_the_files_that_the_last_ingest_skipped(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.dwg", "sub/b.dwg"):
        (shelf / name).parent.mkdir(exist_ok=True)
        (shelf / name).write_bytes(b"")
    ingested = run_json(capsys, "ingest", "shelf", "--store", "s", code=4)
    skipped = [line for line in run_json(capsys, "status", "--store", "s") if line["status"] == "skipped"]
    assert [(line["uri"], line["error"]) for line in skipped] == [
        ((shelf / name).as_uri(), "no extractor reads .dwg files") for name in ("a.dwg", "sub/b.dwg")
    ]
    assert [line["uri"] for line in ingested if line["status"] == "skipped"] == [line["uri"] for line in skipped]
    (shelf / "sub/b.dwg").unlink()
    write_photo(shelf / "sub/c.png", "")
    run_json(capsys, "ingest", "shelf/sub", "--store", "s")
    assert run(["status", "--store", "s"]) == 0
    assert f"skipped: {shelf}/a.dwg: no extractor reads .dwg files\n" in capsys.readouterr().out


def test_retry_processes_neither_permanent_failures_nor_partial_documents(
    shelf: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (shelf / "deep").mkdir()
    write_leaflet(shelf / "deep" / "leaflet.pdf", pages=80)
    with monkeypatch.context() as hurried:
        hurried.setenv("DIPTYCH_DOCUMENT_SECONDS", "0.0001")
        run_messages(capsys, "ingest", "shelf/deep", "--store", "s", code=4)
    assert run(["status", "--store", "s"]) == 0
    assert "1 exceeded a limit of time or memory: raise it, or `diptych retry --store s`" in capsys.readouterr().out
    (done,) = run_json(capsys, "retry", "--store", "s")
    assert (done["name"], done["status"], done["pages"]) == (
        "shelf/deep/leaflet.pdf",
        "complete",
        80,
    )  # under its registered name
    (messages,) = run_messages(capsys, "retry", "--store", "s")
    assert messages.startswith("nothing to retry: 1 failed permanently")


def test_retry_all_processes_every_incomplete_document(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = run_json(capsys, "retry", "--all", "--store", "s", code=4)
    assert {one["name"]: one["status"] for one in done} == {
        "shelf/broken.pdf": "failed",
        "shelf/products.jsonl#1": "partial",
    }
    write_photo(shelf / "jacket.png", "")
    write_paper(shelf / "broken.pdf", "Whole again.")
    done = run_json(capsys, "retry", "--all", "--store", "s")
    assert {one["name"]: (one["status"], one["pictures"] > 0) for one in done if "#" in one["name"]} == {
        "shelf/products.jsonl#1": ("complete", True)
    }
    assert {one["status"] for one in done} == {"complete"}
    assert run_messages(capsys, "retry", "--all", "--store", "s") == ["nothing to retry: every document is complete"]


def test_retry_reports_documents_that_no_longer_exist(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shelf / "broken.pdf").unlink()
    (shelf / "products.jsonl").write_text('{"id": 2, "description": "Boots."}\n')
    messages = "\n".join(run_messages(capsys, "retry", "--all", "--store", "s", code=4))
    assert "broken.pdf: cannot be read again: " in messages
    assert "products.jsonl#1: cannot be read again: the row was removed from its catalogue" in messages
    assert len(document_statuses(capsys, "s")) == 3


def test_delete_removes_documents_unless_a_name_is_unknown(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "diptych status" in error_line(capsys, "delete", "broken.pdf", "nowhere.pdf", "--store", "s")
    assert len(document_statuses(capsys, "s")) == 3
    gone = run_json(capsys, "delete", "broken.pdf", str(shelf / "leaflet.pdf"), "--store", "s")
    assert [(one["name"], one["status"]) for one in gone] == [
        ("shelf/broken.pdf", "deleted"),
        ("shelf/leaflet.pdf", "deleted"),
    ]
    assert set(document_statuses(capsys, "s")) == {"shelf/products.jsonl#1"}
    hits = run_json(capsys, "query", "rain jacket", "--store", "s")
    assert {hit["document"] for hit in hits} == {"shelf/products.jsonl#1"}


def test_delete_asks_before_it_deletes_a_folder_a_catalogue_or_what_a_filter_finds(
    shelf: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments in (["shelf/"], ["products.jsonl"], ["--where", "id = 1"]):
        *listed, refusal = run_messages(capsys, "delete", *arguments, "--store", "s", code=1)
        assert "to delete  shelf/products.jsonl#1" in listed
        assert "add --yes to delete" in refusal
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    assert run_messages(capsys, "delete", "shelf", "--store", "s", code=1)[-1] == "nothing deleted"
    assert len(document_statuses(capsys, "s")) == 3
    monkeypatch.setattr("click.confirm", lambda *_, **__: True)
    messages = run_messages(capsys, "delete", "products.jsonl", "--store", "s")
    assert messages[-2:] == ["deleted    shelf/products.jsonl#1", "1 document deleted"]
    gone = run_json(capsys, "delete", "--where", 'document = "shelf/leaflet.pdf"', "--yes", "--store", "s")
    assert [one["name"] for one in gone] == ["shelf/leaflet.pdf"]
    assert "selects parts" in error_line(capsys, "delete", "--where", "page = 1", "--yes", "--store", "s")
    assert run_messages(capsys, "delete", str(shelf), "--yes", "--store", "s")[-1] == "1 document deleted"
    assert document_statuses(capsys, "s") == {}


@pytest.mark.usefixtures("shelf")
def test_reindex_changes_the_language_and_sweep_removes_the_old_edition(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_LANGUAGE", "german")
    assert "`diptych reindex`" in error_line(capsys, "query", "valve", "--store", "s")
    messages = run_messages(capsys, "reindex", "--store", "s")
    assert [line for line in messages if line.startswith("reindexed")] == [
        "reindexed  shelf/broken.pdf", "reindexed  shelf/leaflet.pdf", "reindexed  shelf/products.jsonl#1"
    ]  # fmt: skip
    assert messages[-1].endswith("the old edition is kept until `diptych sweep --store s`")
    assert run_json(capsys, "query", "green valve", "--store", "s")[0]["document"] == "shelf/leaflet.pdf"
    swept = {"points": 0, "pictures": 0, "editions": 1, "incomplete": [], "kept": ""}
    assert run_json(capsys, "sweep", "--store", "s") == [swept]
    with Diptych.open(load_settings("s")) as library:
        text = library._runtime.existing().text
        text.delete([point.id for point in text.scroll() if point.payload["document"] == "shelf/leaflet.pdf"])
    (said,) = run_messages(capsys, "sweep", "--store", "s", code=3)
    assert said.endswith(
        "the store has lost parts of 1 document: shelf/leaflet.pdf; `diptych retry --all --store s` or the next ingest "
        "stores them"
    )
    run_messages(capsys, "retry", "--all", "--store", "s", code=4)
    assert run_messages(capsys, "sweep", "--store", "s") == ["nothing to remove; unused pictures are kept for an hour"]
    monkeypatch.setenv("DIPTYCH_LANGUAGE", "english")
    error_line(capsys, "query", "valve", "--store", "s")


@pytest.mark.usefixtures("shelf")
def test_imported_export_answers_as_the_original_store(capsys: pytest.CaptureFixture[str]) -> None:
    (out,) = run_json(capsys, "export", "out", "--store", "s")
    assert out["documents"] == 3
    assert out["pictures"] == len([path for path in Path("out/pictures").rglob("*") if path.is_file()]) > 0
    assert [json.loads(line)["name"] for line in Path("out/documents.jsonl").read_text().splitlines()] == [
        "shelf/broken.pdf", "shelf/leaflet.pdf", "shelf/products.jsonl#1"
    ]  # fmt: skip
    assert run_json(capsys, "import", "out", "--store", "t") == [out]
    assert document_statuses(capsys, "t") == document_statuses(capsys, "s")
    before, after = (run_json(capsys, "query", "green valve", "--store", store) for store in ("s", "t"))
    assert [(hit["document"], hit["ranks"]) for hit in before] == [(hit["document"], hit["ranks"]) for hit in after]


@pytest.mark.usefixtures("shelf")
def test_wrong_export_and_import_folders_are_reported_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "not empty" in error_line(capsys, "export", "shelf", "--store", "s")
    assert "broken.pdf" in error_line(capsys, "export", "shelf/broken.pdf", "--store", "s")
    for place in ("nowhere", "shelf"):
        assert place in error_line(capsys, "import", place, "--store", "t")
    assert not Path("t").exists()
    run_messages(capsys, "export", "out", "--store", "s")
    monkeypatch.setenv("DIPTYCH_LANGUAGE", "german")
    assert "DIPTYCH_LANGUAGE" in error_line(capsys, "import", "out", "--store", "t")
