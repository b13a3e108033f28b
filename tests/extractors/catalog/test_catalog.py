"""Catalogues: rows as documents, and their pictures beside the file or on a web server."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from diptych.pipeline.discovery.download import fetcher
from diptych.pipeline.discovery.sources import find_sources
from diptych.places.web import Limits
from extractors.catalog import table
from extractors.catalog.extractor import extract, row_sources
from extractors.catalog.table import read_catalog
from extractors.errors import ExtractionError
from extractors.types import Options, Source

WITHOUT_OCR = Options(ocr="off")


def png(color: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (60, 40), color).save(file, "PNG")
    return file.getvalue()


def write_shop(folder: Path, text: str, name: str = "shop.csv") -> Path:
    (folder / "img").mkdir(exist_ok=True)
    (folder / "img" / "red.png").write_bytes(png())
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def rows_of(path: Path) -> list[Source]:
    return row_sources(read_catalog(path), {})


def test_only_fields_become_lists(tmp_path: Path) -> None:
    text = "id,name,tags,description\nA;1,Hat; red,warm; red,One; two\n"
    (row,) = row_sources(read_catalog(write_shop(tmp_path, text)), {})
    assert (row.name, row.title, row.description) == ("shop.csv#A;1", "Hat; red", "One; two")
    assert row.fields == {"id": "A;1", "name": "Hat; red", "tags": ["warm", "red"]}
    (passage,) = extract(row, WITHOUT_OCR, tmp_path / "pictures").passages
    assert passage.text == "Hat; red\nOne; two\nid: A;1. tags: warm, red."


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("cp1252", "Må rengjøres hver uke"), ("cp1250", "Należy czyścić"), ("cp1251", "Красный насос")],
)
def test_catalogue_in_an_old_code_page_is_read(tmp_path: Path, encoding: str, text: str) -> None:
    (tmp_path / "a.csv").write_bytes(f"name;description\nPump;{text}\n".encode(encoding))
    (row,) = rows_of(tmp_path / "a.csv")
    assert row.description == text


@pytest.mark.parametrize("name", ["shop.csv", "shop.jsonl"])
def test_row_that_makes_a_column_of_numbers_text_says_so(tmp_path: Path, name: str) -> None:
    cells = ["5", "on request", "7", "n/a", "9"]
    text = "description,price,colour\n" + "".join(f"a pump,{cell},red\n" for cell in cells)
    if name.endswith("jsonl"):
        values = [json.loads(cell) if cell.isdigit() else cell for cell in cells]
        text = "\n".join(json.dumps({"description": "a pump", "price": one, "colour": "red"}) for one in values)
    rows = row_sources(read_catalog(write_shop(tmp_path, text, name)), {})
    assert [row.fields["price"] for row in rows] == cells
    note = 'the column price is text, because "on request" is no number'
    assert [row.notes for row in rows][:3] == [(), (note,), ()]
    assert extract(rows[1], WITHOUT_OCR, tmp_path / "pictures").report.notes == (note,)


def test_codes_and_titles_of_digits_are_no_numbers_to_note(tmp_path: Path) -> None:
    text = (
        "id,title,code,description\n" + "".join(f"{n},{n},{n % 2 * 'A'}{n},a pump\n" for n in range(1, 5)) + "x,x,B,\n"
    )
    rows = row_sources(read_catalog(write_shop(tmp_path, text)), {})
    assert not any(row.notes for row in rows)


def test_half_a_character_in_a_row_does_not_stop_the_others(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"description": "pump \\ud800"}\n{"description": "hose"}\n')
    assert list(read_catalog(file).columns["description"]) == ["pump \ufffd", "hose"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_rows_are_read_with_any_delimiter_and_quoted_line_breaks(tmp_path: Path, delimiter: str) -> None:
    rows = [
        ["\ufeffSKU", "Name", "Image", "Price", "Description"],
        ["A-1", "Kettle", "img/red.png", "19.5", f'"Boils; fast, and|is\t{delimiter}\n""red"""'],
        ["B 2", "Pan", "", "7", "Flat"],
    ]
    first, second = rows_of(write_shop(tmp_path, "\n".join(delimiter.join(row) for row in rows)))
    assert (first.name, first.title) == ("shop.csv#A-1", "Kettle")
    assert first.description == f'Boils; fast, and|is\t{delimiter}\n"red"'
    assert first.fields == {"SKU": "A-1", "Name": "Kettle", "Price": 19.5}
    assert first.images == ((tmp_path / "img" / "red.png").resolve(),)
    assert second.uri == f"{(tmp_path / 'shop.csv').resolve().as_uri()}#B%202"
    assert (second.images, second.problems, second.fields["Price"]) == ((), (), 7.0)


def test_json_lines_keep_their_types_and_broken_lines_are_noted(tmp_path: Path) -> None:
    lines = [
        {"title": "Kettle", "photo": "img/red.png", "price": 19, "tags": ["red", "new"], "stock": True},
        {"title": "Pan", "photo": None, "price": 7.5},
    ]
    path = write_shop(tmp_path, "\n".join([json.dumps(lines[0]), "{broken", json.dumps(lines[1])]), "shop.jsonl")
    found = find_sources([path])
    first, second = found.sources
    assert dict(first.fields) == {"title": "Kettle", "price": 19.0, "tags": ["red", "new"], "stock": True}
    assert (second.name, second.media_type) == ("shop.jsonl#3", "application/x-ndjson")
    assert found.left_out == [f"{path}: row 2 is not a JSON object and was left out"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("wide.csv", "description," + "a" * 5000 + "," * 5000 + "\n" + ",".join(map(str, range(6000)))),
        ("names.csv", ",".join(map(str, range(6000))) + "\n" + "1\n" * 6000),
        ("names.jsonl", "\n".join(f'{{"description": "a", "{number}": 1}}' for number in range(6000))),
        ("lists.jsonl", '{"description": "a", "b": [' + "[]," * 6000 + "1]}"),
    ],
)
def test_table_whose_cells_would_fill_the_memory_is_refused(
    tmp_path: Path, name: str, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MAX_CELLS", 10_000)
    (tmp_path / name).write_text(content)
    with pytest.raises(ExtractionError, match=f"{name}: more than 10,000 cells; split it into several files"):
        read_catalog(tmp_path / name)


def test_deeply_nested_row_does_not_stop_the_search_for_documents(tmp_path: Path) -> None:
    write_shop(tmp_path, "description\na pump\n")
    (tmp_path / "deep.jsonl").write_text("[" * 100_000)
    deep, row, *_ = find_sources([tmp_path]).sources
    assert "no row that is JSON" in deep.unreadable
    assert row.name.endswith("shop.csv#1")


def test_repeated_ids_do_not_name_rows(tmp_path: Path) -> None:
    path = write_shop(tmp_path, "id,description\n5,a\n5,b\n")
    assert [row.name for row in rows_of(path)] == ["shop.csv#1", "shop.csv#2"]


def test_hash_of_a_row_depends_on_its_cells_and_its_picture(tmp_path: Path) -> None:
    path = write_shop(tmp_path, "id,image,description\n1,img/red.png,a\n2,,b\n")
    before = [row.sha256 for row in rows_of(path)]
    (tmp_path / "img" / "red.png").write_bytes(png("blue"))
    after = [row.sha256 for row in rows_of(path)]
    assert before[0] != after[0]
    assert before[1] == after[1]


@pytest.mark.parametrize(
    "image", ["../secret.png", "/etc/passwd", "img/../../secret.png", "file:///etc/passwd", "out/x.png"]
)
def test_picture_outside_the_catalogue_folder_is_refused(tmp_path: Path, image: str) -> None:
    (tmp_path / "secret.png").write_bytes(png())
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "out").symlink_to("/etc")
    (row,) = rows_of(write_shop(inner, f"image,description\n{image},a\n"))
    assert row.images == ()
    assert row.problems


def test_row_yields_its_text_and_its_picture(tmp_path: Path) -> None:
    path = write_shop(
        tmp_path, "name,image,colour,price,description\nKettle,img/red.png,red,19.50,Boils fast. Never drips.\n"
    )
    (source,) = rows_of(path)
    extraction = extract(source, WITHOUT_OCR, tmp_path / "pictures")
    (passage,), (picture,) = extraction.passages, extraction.pictures
    assert passage.text == "Kettle\nBoils fast. Never drips.\ncolour: red. price: 19.5."
    assert (passage.page, passage.kind, extraction.title) == (1, "text", "Kettle")
    assert (picture.kind, picture.caption, picture.box) == ("photo", "Kettle", None)
    assert picture.context == ("Boils fast.", "Never drips.")
    assert picture.image.sha256 == hashlib.sha256(png()).hexdigest()


def test_text_of_a_row_does_not_repeat_its_title(tmp_path: Path) -> None:
    lines = [
        {"title": "Kettle", "name": "kettle. ", "state": "Ready to start.", "opened": "Why not?", "stock": 3},
        {"title": 7, "name": "7", "state": "new", "description": "7"},
    ]
    path = write_shop(tmp_path, "\n".join(json.dumps({"image": "img/red.png", **line}) for line in lines), "shop.jsonl")
    first, second = (extract(row, WITHOUT_OCR, tmp_path / "pictures") for row in rows_of(path))
    assert [one.text for one in first.passages] == ["Kettle\nstate: Ready to start. opened: Why not? stock: 3."]
    assert [one.text for one in second.passages] == ["7\nstate: new."]


@pytest.mark.parametrize(
    ("image", "message"), [("img/gone.png", "there is no such file"), ("shop.csv", "not an image")]
)
def test_row_with_a_missing_or_broken_picture_keeps_its_text(tmp_path: Path, image: str, message: str) -> None:
    (source,) = rows_of(write_shop(tmp_path, f"image,description\n{image},Boils fast.\n"))
    extraction = extract(source, WITHOUT_OCR, tmp_path / "pictures")
    assert extraction.passages[0].text == "Boils fast."
    assert extraction.pictures == ()
    (problem,) = extraction.report.problems
    assert message in problem.reason


@pytest.mark.parametrize(
    ("text", "message"), [("a,b\n1,2\n", "rename one"), ("image,description\n", "has no rows"), ("", "has no rows")]
)
def test_file_that_is_not_a_catalogue_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ExtractionError, match=message):
        read_catalog(write_shop(tmp_path, text))


# --- pictures by URL ----------------------------------------------------------------------------------------------


class Shop(BaseHTTPRequestHandler):
    """Serves one picture in several ways, and lists the requests: path and ETag."""

    def do_GET(self) -> None:
        asked: list[tuple[str, str | None]] = self.server.asked  # type: ignore[attr-defined]
        asked.append((self.path, self.headers["If-None-Match"]))
        if self.path == "/tagged.png" and self.headers["If-None-Match"] == '"1"':
            self._answer(304)
        elif self.path in ("/tagged.png", "/plain.png"):
            self._answer(200, png(), ETag='"1"')
        elif self.path == "/page.png":
            self._answer(200, b"<html>sold out</html>", **{"Content-Type": "text/html"})
        elif self.path == "/large.png":
            self._answer(200, png() + bytes(5000))
        elif self.path == "/moved.png":
            self._answer(302, Location="/plain.png")
        elif self.path == "/round.png":
            self._answer(302, Location="/round.png")
        else:
            self._answer(404)

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as running:
        running.asked = []  # type: ignore[attr-defined]
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://localhost:{running.server_port}", running.asked  # type: ignore[attr-defined]
        running.shutdown()


INSIDE = Limits(private=True, max_bytes=4000, seconds=5)


def test_picture_is_downloaded_once_and_then_only_when_changed(
    tmp_path: Path, server: tuple[str, list[tuple[str, str | None]]]
) -> None:
    base, asked = server
    path = write_shop(tmp_path, f"image_url,description\n{base}/tagged.png,a\n{base}/tagged.png,b\n")
    first = find_sources([path], fetcher(tmp_path / "cache", INSIDE)).sources
    second = find_sources([path], fetcher(tmp_path / "cache", INSIDE)).sources
    assert asked == [("/tagged.png", None), ("/tagged.png", '"1"')]
    assert first == second
    (picture,) = first[0].images
    assert picture.read_bytes() == png()


def test_address_that_does_not_answer_is_left_alone_until_it_is_retried(tmp_path: Path) -> None:
    stop, asked = threading.Event(), []

    class Slow(Shop):
        def do_GET(self) -> None:
            asked.append(self.path)
            if len(asked) == 1:
                stop.wait()
            self._answer(200, png())

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{running.server_port}/slow.png"
        (first,) = fetcher(tmp_path, Limits(private=True, seconds=0.2))([url]).values()
        (second,) = fetcher(tmp_path, INSIDE)([url]).values()
        assert asked == ["/slow.png"]
        stop.set()
        (retried,) = fetcher(tmp_path, INSIDE, retry=True)([url]).values()
        fetcher(tmp_path, INSIDE)([url])
        assert len(asked) == 3
        running.shutdown()
    assert "takes longer than 0.2 s; put the picture itself beside the catalogue" in str(first)
    assert "did not answer in time and is not tried before 20" in str(second)
    assert isinstance(retried, Path)


def test_redirect_is_followed(tmp_path: Path, server: tuple[str, list[tuple[str, str | None]]]) -> None:
    base, _ = server
    (found,) = fetcher(tmp_path, INSIDE)([f"{base}/moved.png"]).values()
    assert isinstance(found, Path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.png", "answers 404"),
        ("page.png", "sends text/html, not a"),
        ("large.png", "larger than"),
        ("round.png", "redirected more than 5 times"),
    ],
)
def test_failed_download_is_a_problem_of_its_row_only(
    tmp_path: Path, server: tuple[str, list[tuple[str, str | None]]], name: str, message: str
) -> None:
    base, _ = server
    path = write_shop(tmp_path, f"image,description\n{base}/{name},Bad.\n{base}/plain.png,Good.\n")
    bad, good = find_sources([path], fetcher(tmp_path / "cache", INSIDE)).sources
    assert good.images
    extraction = extract(bad, WITHOUT_OCR, tmp_path / "pictures")
    assert extraction.passages[0].text == "Bad."
    assert message in extraction.report.problems[0].reason


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1", "http://localhost", "http://[::1]", "http://169.254.169.254", "http://[::ffff:127.0.0.1]"],
)
def test_addresses_in_private_networks_are_refused(tmp_path: Path, address: str) -> None:
    (found,) = fetcher(tmp_path)([f"{address}:9/a.png"]).values()
    assert "private network" in str(found)


def test_earlier_download_is_used_when_the_server_is_gone(
    tmp_path: Path, server: tuple[str, list[tuple[str, str | None]]]
) -> None:
    base, _ = server
    url = f"{base}/plain.png"
    before = fetcher(tmp_path, INSIDE)([url])
    assert fetcher(tmp_path, Limits(private=False))([url]) == before


def test_row_without_a_downloader_reports_the_missing_picture(tmp_path: Path) -> None:
    (row,) = find_sources([write_shop(tmp_path, "image,description\nhttps://example.org/a.png,a\n")]).sources
    assert row.problems == ("https://example.org/a.png: was not downloaded",)
