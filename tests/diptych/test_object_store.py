"""Files in an object store: a real S3 protocol over HTTP, and the failures that people run into."""

from __future__ import annotations

import os
import uuid
from enum import Enum
from pathlib import Path

import pytest

from diptych.errors import SettingsError, StoreError
from diptych.object_store import CHECK_NAME, ObjectStore, explain
from diptych.places.entry import Entry
from diptych.places.objects import ObjectPlace
from diptych.settings import Settings, load_settings
from tests.support.s3_server import S3Server
from tests.support.s3_server import s3 as s3

URL = os.environ.get("DIPTYCH_TEST_OBJECTS", "")
"""A bucket to write to, such as that of an emulator of gs:// or az://."""
OTHER = pytest.param(
    URL, marks=pytest.mark.skipif(not URL, reason="DIPTYCH_TEST_OBJECTS is not set: no gs:// or az://")
)


@pytest.fixture(params=["s3", "memory:/", OTHER])
def objects(request: pytest.FixtureRequest) -> ObjectStore:
    if request.param != "s3":
        return ObjectStore(f"{request.param}/{uuid.uuid4().hex}/pictures")
    server: S3Server = request.getfixturevalue("s3")
    return ObjectStore(server.url)


def test_files_are_written_read_listed_and_deleted(objects: ObjectStore) -> None:
    objects.put({"aa/1": b"one", "bb/2": b"two"})
    objects.child("ledger").put({"3": b"three"})
    assert objects.get(["aa/1", "ledger/3", "missing"]) == {"aa/1": b"one", "ledger/3": b"three"}
    assert objects.list().keys() == {"aa/1", "bb/2", "ledger/3"}
    assert objects.list("ledger").keys() == {"ledger/3"}
    assert objects.list("missing") == {}
    assert min(objects.list().values()) > 1.7e9, "seconds since 1970"
    objects.delete(["aa/1", "ledger/3", "missing"])
    assert objects.list().keys() == {"bb/2"}


def test_file_is_created_by_one_writer_only(objects: ObjectStore) -> None:
    assert objects.create({"a": b"first", "b": b"first"}) == {"a", "b"}
    assert objects.create({"a": b"second", "c": b"second"}) == {"c"}
    assert objects.get(["a", "b", "c"]) == {"a": b"first", "b": b"first", "c": b"second"}


def test_files_of_a_bucket_are_documents_too(objects: ObjectStore, tmp_path: Path) -> None:
    objects.put({"a.txt": b"alpha", "deep/b.txt": b"beta", "c d.txt": b"gamma"})
    protocol, _, path = objects.url.partition("://")
    place = ObjectPlace(f"{protocol}://{path.partition('/')[0]}", {})
    folders, files = place.list_folder(objects.url)
    assert folders == [f"{objects.url}/deep"]
    assert [one.uri for one in files] == [f"{objects.url}/a.txt", f"{objects.url}/c%20d.txt"]
    assert [place.find(f"{objects.url}{name}") for name in ("", "/a.txt", "/b.txt")] == [True, files[0], False]
    place.fetch(files[1].uri, tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == b"gamma"
    objects.put({"a.txt": b"ALPHA"})
    changed = place.find(files[0].uri)
    assert isinstance(changed, Entry)
    assert changed.state != files[0].state


class AzureError(Exception):
    """Like those of Azure's library: with a code, which may be a member of an enumeration, and some response."""

    response = object()

    def __init__(self, code: str) -> None:
        super().__init__("refused")
        self.error_code = Enum("StorageErrorCode", {"CODE": code}).CODE  # type: ignore[attr-defined]


def test_refusals_of_azure_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    objects, codes = ObjectStore("memory://azure"), ["BlobNotFound", "ContainerNotFound"]

    def cat_file(path: str) -> bytes:
        raise FileNotFoundError(path) from AzureError(codes.pop(0))

    monkeypatch.setattr(objects._files, "cat_file", cat_file)
    assert objects.get(["a"]) == {}
    with pytest.raises(StoreError, match="does not exist; create the bucket"):
        objects.get(["a"])
    assert explain(AzureError("ContainerNotFound"), "create it", "read") == "does not exist; create it"
    assert explain(AzureError("AuthorizationFailure"), "create it", "read").startswith("access is denied (refused)")


def test_reading_and_deleting_many_files_takes_few_requests(s3: S3Server) -> None:
    objects = ObjectStore(s3.url)
    names = [f"{number:02}/x" for number in range(20)]
    objects.put(dict.fromkeys(names, b"x"))
    objects.check_writable()
    objects.check_writable()
    assert s3.counts() == {"PUT": 21}
    assert len(objects.get(names)) == 20
    assert len(objects.list()) == 21
    objects.delete(names)
    assert s3.counts() == {"DELETE": 1, "GET": 20, "LIST": 1}
    assert s3.names() == {CHECK_NAME}


@pytest.mark.parametrize(
    ("status", "reason"), [(403, "access is denied .*credentials in the environment"), (404, "does not exist; create")]
)
def test_refusal_names_the_url_and_the_way_out(s3: S3Server, status: int, reason: str) -> None:
    s3.fail = lambda request: status
    for use in (lambda: ObjectStore(s3.url).check_writable(), lambda: ObjectStore(s3.url).get(["a"]),
                lambda: ObjectStore(s3.url).list()):  # fmt: skip
        with pytest.raises(StoreError, match=f"^{s3.url}: {reason}"):
            use()


def test_server_that_is_gone_is_reported(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.object_store.S3_OPTIONS", {"retries": {"max_attempts": 0}})
    monkeypatch.setattr("diptych.object_store.S3_ROUNDS", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match=f"^{s3.url}: cannot be reached .*; check the network and the server"):
        ObjectStore(s3.url).check_writable()


def test_missing_credentials_are_reported(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.object_store.S3_OPTIONS", {"retries": {"max_attempts": 1}})  # another connection
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(StoreError, match=r"access is denied \(Unable to locate credentials\)"):
        ObjectStore(s3.url).check_writable()


def test_missing_library_names_the_extra() -> None:
    with pytest.raises(SettingsError, match=r"gs://b/p: .* missing; install it with `pip install 'diptych\[gcs\]'`"):
        ObjectStore("gs://b/p").check_writable()
    with pytest.raises(SettingsError, match="use s3://, gs:// or az://, or a folder"):
        ObjectStore("nothing://b/p").check_writable()


@pytest.mark.parametrize("url", ["s3://id:hush-hush@bucket/p", "az://box/p?sig=hush-hush"])
def test_credentials_in_the_url_are_refused_and_not_repeated(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIPTYCH_PICTURES", url)
    with pytest.raises(SettingsError, match="must not contain credentials; put them into the environment") as error:
        load_settings()
    assert "hush" not in f"{error.value} {error.value.__cause__}"
    with pytest.raises(ValueError, match="must not contain credentials"):
        Settings(pictures=url)
