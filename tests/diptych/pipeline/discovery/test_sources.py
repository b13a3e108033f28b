"""Find documents under paths."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from diptych.errors import SourceError
from diptych.pipeline.discovery.sources import find_sources
from diptych.places.places import Places

PNG = b"\x89PNG\r\n\x1a\n"


def write(path: Path, data: bytes | str = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_folder_lists_files_by_name_without_hidden_and_lock_files(tmp_path: Path) -> None:
    for name in ("b.pdf", "a/z.png", ".hidden.pdf", ".git/x.pdf", "~$b.pptx", "notes.dwg", "Makefile"):
        write(tmp_path / name)
    found = find_sources([tmp_path])
    assert [source.name for source in found.sources] == ["b.pdf", "a/z.png"]
    assert found.left_out == [
        f"{tmp_path}/Makefile: no extractor reads files without a suffix",
        f"{tmp_path}/notes.dwg: no extractor reads .dwg files",
    ]


def test_source_has_uri_hash_and_media_type(tmp_path: Path) -> None:
    (source,) = find_sources([write(tmp_path / "über mut.pdf", b"abc")]).sources
    assert source.uri == (tmp_path / "über mut.pdf").resolve().as_uri()
    with Places(tmp_path).opened(source) as opened:
        assert opened.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (source.name, source.media_type) == ("über mut.pdf", "application/pdf")
    assert find_sources([source.uri]).sources == [source]


def test_file_given_twice_is_found_once(tmp_path: Path) -> None:
    file = write(tmp_path / "a.pdf")
    assert len(find_sources([file, tmp_path, str(file)]).sources) == 1


def test_link_loop_ends(tmp_path: Path) -> None:
    write(tmp_path / "inner" / "a.pdf")
    (tmp_path / "inner" / "again").symlink_to(tmp_path)
    assert len(find_sources([tmp_path]).sources) == 1


def test_links_out_of_the_folder_pipes_sockets_and_devices_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "docs"
    for name in ("docs/a.txt", "outside/b.txt", "docs/line\nbreak.txt", os.fsdecode(b"docs/caf\xe9.txt")):
        write(tmp_path / name)
    (folder / "link.txt").symlink_to(tmp_path / "outside" / "b.txt")
    (folder / "folder").symlink_to(tmp_path / "outside")
    (folder / "zero.txt").symlink_to("/dev/zero")
    (folder / "within.txt").symlink_to(folder / "a.txt")
    os.mkfifo(folder / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as opened:
        monkeypatch.chdir(folder)
        opened.bind("socket.txt")  # a whole path may be too long for one
        found = find_sources([folder])
    assert sorted(source.name for source in found.sources) == ["a.txt", "caf\udce9.txt", "line\nbreak.txt"]
    assert {Path(one.path).name: one.reason for one in found.skipped} == {
        **dict.fromkeys(["link.txt", "folder", "zero.txt"], "is a link out of the folder; give its target as a path"),
        **dict.fromkeys(["pipe.txt", "socket.txt"], "is a pipe, a socket or a device"),
    }
    assert [source.name for source in find_sources([folder / "link.txt"]).sources] == ["link.txt"]


@pytest.mark.parametrize(
    ("name", "says"), [("gone.pdf", "no such file"), ("empty", "is empty"), ("a.xyz", "no extractor reads .xyz")]
)
def test_path_without_documents_is_reported_in_one_line(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "a.xyz")
    with pytest.raises(SourceError, match=says) as error:
        find_sources([tmp_path / name])
    assert str(tmp_path / name) in str(error.value)
    assert "\n" not in str(error.value)


def test_addresses_of_unknown_places_are_refused_with_advice() -> None:
    with pytest.raises(SourceError, match="ftp:// addresses are not read; use a path, or one of s3://"):
        find_sources(["ftp://example.org/a.pdf"])


def test_folder_of_unknown_files_is_reported(tmp_path: Path) -> None:
    write(tmp_path / "a.dwg")
    with pytest.raises(SourceError, match=r"no document found; known suffixes: \.pdf.*a\.dwg: no extractor reads"):
        find_sources([tmp_path])


def test_pictures_of_a_catalogue_are_not_documents_of_their_own(tmp_path: Path) -> None:
    write(tmp_path / "img/red.png", PNG)
    write(tmp_path / "img/other.png", PNG + b"2")
    write(tmp_path / "shop.csv", "sku,name,image,description\nA1,Red,img/red.png,A red one\nA2,Blue,,A blue one\n")
    names = [source.name for source in find_sources([tmp_path]).sources]
    assert names == ["shop.csv#A1", "shop.csv#A2", "img/other.png"]


@pytest.mark.parametrize("given", [["."], ["shop.csv", "red.png"], ["red.png", "shop.csv"]])
def test_order_of_paths_does_not_make_pictures_of_rows_documents(tmp_path: Path, given: list[str]) -> None:
    write(tmp_path / "red.png", PNG)
    write(tmp_path / "shop.csv", "image,description\nred.png,A red one\n")
    assert [source.name for source in find_sources([tmp_path / path for path in given]).sources] == ["shop.csv#1"]


@pytest.mark.parametrize(
    ("catalogue", "reference"),
    [
        ("data/shop.csv", "../img/red.png"),
        ("data/shop.csv", "img/red.png"),
        ("data/2026/shop.csv", r"img\red.png"),
        ("shop.csv", "red.png"),
        ("img/shop.csv", "./red.png"),
        ("shop.csv", "old.png, red.png"),
        ("shop.csv", "old.png; red.png"),
    ],
)
def test_catalogue_may_be_anywhere_in_the_folder(tmp_path: Path, catalogue: str, reference: str) -> None:
    picture = write(tmp_path / "img/red.png", PNG)
    write(tmp_path / "img/old.png", PNG)
    write(tmp_path / catalogue, f'image,description\n"{reference}",A red one\n')
    sources = {source.name: source for source in find_sources([tmp_path]).sources}
    row = sources.pop(f"{catalogue}#1")
    assert row.images[-1] == picture.resolve()
    assert list(sources) == ([] if "old" in reference else ["img/old.png"])
    assert row.problems == ()


def test_row_shows_the_pictures_of_all_columns_and_no_url_beside_them(tmp_path: Path) -> None:
    for name in ("front", "back", "small"):
        write(tmp_path / f"img/{name}.png", PNG)
    lines = (
        '{"images": ["img/front.png", "img/back.png"], "thumbnail": "img/small.png", "image_url": "http://a/b.png"}\n'
    )
    (row,) = find_sources([write(tmp_path / "shop.jsonl", lines), tmp_path]).sources
    assert [image.name for image in row.images] == ["front.png", "back.png", "small.png"]
    assert row.problems == ()


def test_picture_outside_the_ingested_folders_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "img/red.png", PNG)
    shop = write(tmp_path / "data/shop.csv", "image,description\n../img/red.png,A red one\n")
    for path in (shop, shop.parent):
        (row,) = find_sources([path]).sources
        assert row.images == ()
        assert "is outside the catalogue's folder" in row.problems[0]
    (row,) = find_sources([shop, tmp_path / "img"]).sources
    assert row.images


def test_file_name_that_several_files_have_is_a_problem(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write(tmp_path / folder / "red.png", PNG)
    write(tmp_path / "shop.csv", "image,description\nred.png,A red one\n")
    row, *others = find_sources([tmp_path]).sources
    assert row.problems == ("red.png: there are 2 such files; write the path as seen from shop.csv",)
    assert len(others) == 2


def test_pictures_of_stored_rows_are_not_documents_until_their_catalogue_is_gone(tmp_path: Path) -> None:
    picture = write(tmp_path / "img/red.png", PNG)
    shop = write(tmp_path / "data/shop.csv", "image,description\n../img/red.png,A red one\n")
    stored = {f"{shop.as_uri()}#1": [picture.as_uri()]}
    assert find_sources([tmp_path / "img"], row_pictures=lambda: stored).sources == []
    (row,) = find_sources([shop], row_pictures=lambda: stored).sources
    assert row.images == (picture,)
    shop.write_text("image,description\n,A red one\n")
    names = [one.name for one in find_sources([tmp_path], row_pictures=lambda: stored).sources]
    assert names == ["data/shop.csv#1", "img/red.png"]
    shop.unlink()
    assert [one.name for one in find_sources([tmp_path], row_pictures=lambda: stored).sources] == ["img/red.png"]


def test_list_that_is_not_a_catalogue_is_skipped_in_a_folder_and_refused_by_name(tmp_path: Path) -> None:
    table = write(tmp_path / "t.jsonl", '{"a": 1}\n')
    write(tmp_path / "q.jsonl", '{"question": "why?", "image": "a.png"}\n')
    write(tmp_path / "a.pdf")
    found = find_sources([tmp_path])
    assert [source.name for source in found.sources] == ["a.pdf"]
    assert [Path(skipped.path).name for skipped in found.skipped] == ["q.jsonl", "t.jsonl"]
    with pytest.raises(SourceError, match="not a catalogue"):
        find_sources([table])


def test_catalogues_without_rows_are_skipped_and_damaged_ones_are_failed_documents(tmp_path: Path) -> None:
    for name, text in (("none.csv", "image,name\n"), ("none.jsonl", ""), ("damaged.jsonl", "{{\n")):
        write(tmp_path / name, text)
    found = find_sources([tmp_path])
    assert [Path(skipped.path).name for skipped in found.skipped] == ["none.csv", "none.jsonl"]
    assert [source.name for source in found.sources if source.unreadable] == ["damaged.jsonl"]


def test_a_thousand_small_files_are_found(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"{number:04}.png").write_bytes(PNG + str(number).encode())
    assert len(find_sources([tmp_path]).sources) == 1000


def test_folder_that_cannot_be_entered_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "closed").mkdir()
    real = os.scandir

    def scandir(path: str) -> object:  # root may enter every folder, so the error is simulated
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = find_sources([tmp_path])
    assert [source.name for source in found.sources] == ["a.png"]
    assert found.left_out == [f"{tmp_path / 'closed'}: cannot be read (Permission denied); check its permissions"]
