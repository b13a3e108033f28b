"""A folder in a bucket, or on an SFTP server, is ingested as if it were local; unchanged files are not read again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diptych import Diptych, Settings, object_store
from diptych.errors import SourceError
from diptych.pipeline.discovery.sources import find_sources
from diptych.places.places import Places
from tests.support.built_models import copy_graphs
from tests.support.s3_server import S3Server
from tests.support.s3_server import s3 as s3
from tests.support.sftp_server import PASSWORD, SftpServer
from tests.support.sftp_server import sftp as sftp


@pytest.fixture(scope="module")
def diptych(tmp_path_factory: pytest.TempPathFactory, built_models: Path) -> Iterator[Diptych]:
    """One store for all tests: each has a folder of its own in the bucket."""
    with Diptych.open(chosen(tmp_path_factory.mktemp("places"), built_models)) as opened:
        yield opened


def chosen(folder: Path, built_models: Path, **more: Any) -> Settings:
    """Settings with a cache folder of their own."""
    copy_graphs(built_models, folder / "cache", "int8")
    return Settings(
        store=str(folder / "store"), cache=folder / "cache", encoder="minilm:int8", ocr="off", workers=1, **more
    )


def upload(s3: S3Server, library: Path) -> None:
    for file in library.rglob("*"):
        if file.is_file():
            put(s3, file.relative_to(library).as_posix(), file.read_bytes())
    s3.requests.clear()


def put(s3: S3Server, name: str, content: bytes) -> None:
    s3.client.put_object(Bucket=s3.bucket, Key=f"{s3.folder}/{name}", Body=content)
    s3.requests.clear()


def statuses(diptych: Diptych, url: str) -> dict[str, str]:
    return {one.name.removeprefix(f"{url}/"): one.status for one in diptych.ingest([url])}


def reads(s3: S3Server) -> list[str]:
    found = sorted(request for request in s3.requests if request.startswith("GET"))
    s3.requests.clear()
    return found


def test_bucket_is_ingested_once_and_only_changes_are_read(s3: S3Server, library: Path, diptych: Diptych) -> None:
    upload(s3, library)
    names = {"leaflet.pdf", "poster.png", "products.csv#1", "products.csv#2"}
    assert statuses(diptych, s3.url) == dict.fromkeys(names, "complete")
    assert reads(s3) == [
        "GET leaflet.pdf", "GET pictures/boots.png", "GET pictures/jacket.png", "GET poster.png", "GET products.csv",
    ]  # fmt: skip
    assert statuses(diptych, s3.url) == dict.fromkeys(names, "unchanged")
    assert reads(s3) == []
    assert list((diptych.settings.cache / "fetched").iterdir()) == []

    put(s3, "poster.png", (library / "pictures" / "boots.png").read_bytes())
    put(s3, "leaflet.pdf", (library / "leaflet.pdf").read_bytes())  # the same bytes, with the same ETag
    changed = {name: status for name, status in statuses(diptych, s3.url).items() if status != "unchanged"}
    assert (changed, reads(s3)) == ({"poster.png": "complete"}, ["GET poster.png"])
    assert diptych.search("green valve")[0].source == f"{s3.url}/leaflet.pdf"


def test_bucket_is_listed_once_though_it_has_catalogues_and_its_files_are_counted(
    s3: S3Server, library: Path, diptych: Diptych
) -> None:
    upload(s3, library)
    backlog = diptych.maintenance.backlog([s3.url])
    assert (backlog.listing.count_files(), len(list(backlog))) == (5, 4)
    listed = sorted(request for request in s3.requests if request.startswith("LIST"))
    assert listed == ["LIST ", "LIST ", "LIST pictures/"], "the first asks whether the address is a folder"


def test_new_etag_of_the_same_bytes_is_read_once(s3: S3Server, library: Path, diptych: Diptych) -> None:
    put(s3, "leaflet.pdf", (library / "leaflet.pdf").read_bytes())
    diptych.ingest([s3.url])
    key = f"{s3.folder}/leaflet.pdf"
    upload_id = s3.client.create_multipart_upload(Bucket=s3.bucket, Key=key)["UploadId"]
    target = {"Bucket": s3.bucket, "Key": key, "UploadId": upload_id}
    part = s3.client.upload_part(**target, PartNumber=1, Body=(library / "leaflet.pdf").read_bytes())
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.client.complete_multipart_upload(**target, MultipartUpload=parts)
    s3.requests.clear()
    assert (statuses(diptych, s3.url), reads(s3)) == ({"leaflet.pdf": "unchanged"}, ["GET leaflet.pdf"])
    assert (statuses(diptych, s3.url), reads(s3)) == ({"leaflet.pdf": "unchanged"}, [])


def test_documents_are_gone_only_if_the_bucket_says_so(s3: S3Server, library: Path, diptych: Diptych) -> None:
    upload(s3, library)
    found = diptych.maintenance.find_sources([s3.url]).sources
    diptych.maintenance.ingest_sources(found)
    s3.client.delete_object(Bucket=s3.bucket, Key=f"{s3.folder}/poster.png")
    rest = diptych.maintenance.find_sources([s3.url]).sources
    find_removed = diptych.maintenance.find_removed
    assert [one.name for one in find_removed([s3.url], rest).documents] == [f"{s3.url}/poster.png"]
    assert [one.name for one in find_removed([f"{s3.url}/*.png"], []).documents] == [f"{s3.url}/poster.png"]
    s3.fail = lambda request: 403
    refused = find_removed([s3.url], rest)
    assert (refused.documents, [one.name for one in refused.skipped]) == ((), [f"{s3.url}/poster.png"])
    s3.fail = lambda request: 0
    for name in s3.names():
        s3.client.delete_object(Bucket=s3.bucket, Key=f"{s3.folder}/{name}")
    assert find_removed([s3.url], []).documents == (), "an empty bucket may be a wrong one"
    assert [one.status for one in diptych.delete([f"{s3.url}/poster.png"])] == ["complete"]


def test_object_that_vanishes_before_it_is_read_fails_alone(s3: S3Server, library: Path, diptych: Diptych) -> None:
    upload(s3, library)
    s3.fail = lambda request: 404 if request == "GET leaflet.pdf" else 0
    failed = [one for one in diptych.ingest([f"{s3.url}/*.p*"]) if one.status != "complete"]
    assert [(one.status, one.transient) for one in failed] == [("failed", True)]
    assert failed[0].error.startswith(f"{s3.url}/leaflet.pdf: does not exist; it was removed since it was listed")
    s3.fail = lambda request: 0
    assert [one.status for one in diptych.maintenance.retry()] == ["complete"]


def test_patterns_and_ignore_files_choose_objects(s3: S3Server, tmp_path: Path) -> None:
    for name in ("a.pdf", "b.xyz", "drafts/c.pdf", "final/d.pdf", "final/~$d.pdf", ".git/e.pdf", "../f.pdf"):
        put(s3, name, b"%PDF-1.7")
    put(s3, ".diptychignore", b"drafts/\n")
    found = find_sources([s3.url], places=Places(tmp_path))
    assert [source.name for source in found.sources] == ["a.pdf", "final/d.pdf"]
    assert any(one.path == f"{s3.url}/drafts/" for one in found.skipped)
    (source,) = find_sources([f"{s3.url}/*/d.pdf"], places=Places(tmp_path)).sources
    assert source.uri == f"{s3.url}/final/d.pdf"


def test_objects_in_a_folder_without_a_name_are_named_as_skipped(s3: S3Server, tmp_path: Path) -> None:
    for name in ("a/b.pdf", "a//c.pdf", "a/", "d/"):
        put(s3, name, b"%PDF-1.7")
    found = find_sources([s3.url], places=Places(tmp_path))
    assert [source.name for source in found.sources] == ["a/b.pdf"]
    assert [(one.path, one.unreachable) for one in found.skipped] == [(f"{s3.url}/a//", False)]


@pytest.mark.parametrize(
    ("status", "says"),
    [(403, "access is denied"), (404, "no such file or folder; check the address"), (503, "cannot be reached")],
)
def test_place_that_fails_does_not_stop_others(
    s3: S3Server, library: Path, status: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "S3_OPTIONS", {"retries": {"mode": "standard", "max_attempts": 1}})
    monkeypatch.setattr(object_store, "S3_ROUNDS", 1)
    s3.fail = lambda request: status
    found = find_sources([s3.url, library / "poster.png"], places=Places(tmp_path))
    assert [source.name for source in found.sources] == ["poster.png"]
    assert says in found.left_out[0]
    assert s3.url in found.left_out[0]
    assert [one.unreachable for one in found.skipped] == [True]
    with pytest.raises(SourceError, match=says):
        find_sources([s3.url], places=Places(tmp_path))


def test_sftp_server_is_ingested_once(sftp: SftpServer, library: Path, built_models: Path, tmp_path: Path) -> None:
    shutil.copytree(library, sftp.folder / "files", dirs_exist_ok=True)
    for file in (sftp.folder / "files").rglob("*"):
        os.utime(file, (1_000_000_000, 1_000_000_000))  # SFTP has whole seconds: what changed just now is not trusted
    (tmp_path / "known_hosts").write_text(sftp.known_host)
    options = {"password": PASSWORD, "known_hosts": str(tmp_path / "known_hosts")}
    settings = chosen(tmp_path, built_models, places={"sftp://": options})
    assert PASSWORD not in repr(settings)
    with Diptych.open(settings) as diptych:
        assert set(statuses(diptych, sftp.url).values()) == {"complete"}
        assert sftp.counts()["open"] == 5
        assert set(statuses(diptych, sftp.url).values()) == {"unchanged"}
        assert "open" not in sftp.counts()
        assert PASSWORD not in str(diptych.documents())
    with pytest.raises(SourceError, match="the key of the server is not known; check it and add it"):
        find_sources([sftp.url], places=Places(tmp_path))
    wrong = {**options, "password": "wrong"}
    with pytest.raises(SourceError, match="access is denied"):
        find_sources([sftp.url], places=Places(tmp_path, options={"sftp://": wrong}))
