"""The picture of a query may be a path, a URL, bytes or a PIL image; untrusted bytes are only opened by a worker."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from diptych import Diptych, Query, QueryError, Settings
from diptych.endpoints import OpenAI
from diptych.errors import ExtractionError
from diptych.library import query_preparation
from diptych.library.query_preparation import QueryPreparation
from diptych.library.runtime import Runtime
from diptych.models.meter import Meter
from diptych.serve.app import create_app
from diptych.store.spaces import Spaces
from extractors.sandbox.sandbox import Sandbox
from extractors.types import Extraction, Source
from tests.diptych.store.test_spaces import ColourEncoder
from tests.support.http_server import Answer, Vendor, served
from tests.support.openai_server import OpenAIRoutes
from tests.support.papers import png_bytes
from tests.support.scripted_vision import chart
from tests.support.served_store import ADDRESS

RED = png_bytes(80, 60)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("store")
    settings = Settings(store=str(folder / "store"), cache=folder / "cache", private_addresses=True, workers=1)
    made = Runtime(settings, Meter())
    vars(made)["spaces"] = Spaces(colours := ColourEncoder(), colours)
    yield made
    made.close()


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    pages = {"/red": RED, "/page": b"<html>", "/large": RED + bytes(33 * 2**20)}
    with served(lambda request: Answer(200, pages[request.path], {"content-type": "image/png"})) as running:
        yield running


def prepared(runtime: Runtime, image: Any) -> Path:
    query, stored = QueryPreparation(runtime).prepare_question(Query("x", image, literal=True))
    assert query.image == stored
    assert stored
    return stored


def test_every_kind_of_picture_is_the_same_picture(runtime: Runtime, vendor: Vendor, tmp_path: Path) -> None:
    file = tmp_path / "red.png"
    file.write_bytes(RED)
    opened = Image.open(io.BytesIO(RED))
    for image in (file, str(file), file.as_uri(), RED, opened, f"{vendor.url}/red"):
        with Image.open(prepared(runtime, image)) as stored:
            assert (stored.size, stored.convert("RGB").getpixel((5, 5))) == ((80, 60), (255, 0, 0))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
def test_pil_images_of_every_mode_are_read(runtime: Runtime, mode: str) -> None:
    with Image.open(prepared(runtime, Image.new(mode, (40, 30)))) as stored:
        assert stored.size == (40, 30)


@pytest.mark.parametrize(
    ("page", "message"),
    [("page", "not a picture"), ("large", "larger than 32 MiB; save the picture"), ("nothing", "cannot be down")],
)
def test_a_url_without_a_picture_is_refused(runtime: Runtime, vendor: Vendor, page: str, message: str) -> None:
    with pytest.raises(QueryError, match=rf"/{page}: .*{message}"):
        prepared(runtime, f"{vendor.url}/{page}")


def test_private_addresses_and_other_schemes_are_refused(runtime: Runtime, vendor: Vendor, tmp_path: Path) -> None:
    settings = runtime.settings.model_copy(update={"private_addresses": False, "cache": tmp_path})
    strict = Runtime(settings, Meter())
    requests = len(vendor.requests)
    with pytest.raises(QueryError, match="private network"):
        prepared(strict, f"{vendor.url}/red")
    assert len(vendor.requests) == requests
    with pytest.raises(QueryError, match="ftp://"):
        prepared(runtime, "ftp://example.com/red.png")


def test_a_host_that_does_not_answer_costs_its_time_limit(runtime: Runtime, tmp_path: Path) -> None:
    settings = runtime.settings.model_copy(update={"download_seconds": 0.2, "cache": tmp_path})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/a.png"
        with pytest.raises(QueryError, match=r"takes longer than 0.2 s; save the picture and give its path"):
            prepared(Runtime(settings, Meter()), address)


@pytest.mark.parametrize(("data", "message"), [(b"", "is empty"), (b"hello", "not an image"), (RED[:60], "damaged")])
def test_bytes_that_are_no_picture_are_refused(runtime: Runtime, data: bytes, message: str) -> None:
    with pytest.raises(ExtractionError, match=f"the image of the query: .*{message}"):
        prepared(runtime, data)


@pytest.mark.parametrize(
    ("data", "kind"), [(b"%PDF-1.7\n", "a .pdf file"), (b"PK\x03\x04\0", "an office document or ZIP archive")]
)
def test_a_document_is_refused_with_what_to_use_instead(runtime: Runtime, data: bytes, kind: str) -> None:
    with pytest.raises(QueryError) as refused:
        prepared(runtime, data)
    assert str(refused.value) == (
        f"the image of the query is {kind}; use a PNG, JPEG or WebP file, such as a picture of its page"
    )


@pytest.mark.parametrize("image", [3, ["a.png"], {"image": RED}])
def test_other_values_than_images_are_named(runtime: Runtime, image: Any) -> None:
    with pytest.raises(QueryError, match=r"must be a path, a URL, bytes or a PIL image, not (3|\['a\.png'\]|\{)"):
        prepared(runtime, image)


def test_a_closed_pil_image_is_refused(runtime: Runtime) -> None:
    closed = Image.open(io.BytesIO(RED))
    closed.close()
    with pytest.raises(QueryError, match="cannot be read"):
        prepared(runtime, closed)


def test_image_that_takes_long_is_given_up_so_that_others_are_read(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.BytesIO()
    Image.new("L", (1500, 1500), 128).save(file, "JPEG", progressive=True)
    scan = file.getvalue()[file.getvalue().rfind(b"\xff\xda") : -2]
    monkeypatch.setattr(query_preparation, "IMAGE_SECONDS", 0.3)
    with pytest.raises(ExtractionError, match=r"^the image of the query: reading it took longer than 0.3 s"):
        prepared(runtime, file.getvalue()[:-2] + 20_000 * scan + b"\xff\xd9")


def test_only_the_first_of_several_images_is_read(runtime: Runtime) -> None:
    pages, file = [Image.new("RGB", (80, 60), colour) for colour in ("red", "blue", "green")], io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    before = set(runtime.pictures.rglob("*.png"))
    prepared(runtime, file.getvalue())
    assert len(set(runtime.pictures.rglob("*.png")) - before) <= 1


def test_messages_do_not_name_the_temporary_copy(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    def extract(self: Sandbox, source: Source, *arguments: object, seconds: float) -> Extraction:
        raise ExtractionError(f"{source.path}: the extractor failed")

    monkeypatch.setattr(Sandbox, "extract", extract)
    with pytest.raises(ExtractionError, match=r"^the image of the query: the extractor failed$"):
        QueryPreparation(runtime).prepare(Query("pump", png_bytes(9, 9)))


def described(folder: Path, vendor: Vendor | None = None) -> Diptych:
    """A store about pumps; with a captioner, and always without an image encoder."""
    (folder / "note.txt").write_text("The pump has six blue bars.\n\nA tent for snow.\n")
    url = f"{vendor.url}/v1" if vendor else None
    settings = Settings(
        store=str(folder / "store"), root=folder, ocr="off", workers=1,
        captioner="openai:eyes" if vendor else "", openai=OpenAI(base_url=url, key="EYES_KEY"),
    ).with_keys({"EYES_KEY": "sk-eyes"})  # fmt: skip
    diptych = Diptych.open(settings)
    diptych.ingest([folder / "note.txt"])
    return diptych


def chart_bytes(number: int) -> bytes:
    file = io.BytesIO()
    chart(number).save(file, "PNG")
    return file.getvalue()


CAPTION = {"kind": "chart", "shows": "Six bars.", "axes": [], "labels": [], "findings": [], "visible_text": ""}


def test_an_image_that_cannot_be_searched_with_is_not_dropped_silently(tmp_path: Path) -> None:
    with described(tmp_path) as diptych:
        hits = diptych.search(Query("tent", chart_bytes(1)))
        assert hits
        assert hits.problem.startswith("the image of the query is not searched with: it contains no words, and no ")
        assert 'set `image_encoder = "clip"`' in hits.problem
        with pytest.raises(QueryError, match=r"contains no words, and no image encoder is set; .* or add words"):
            diptych.search(Query("", chart_bytes(1)))


def test_opening_an_address_does_not_caption_its_image_and_an_upload_does(tmp_path: Path) -> None:
    routes = OpenAIRoutes(answer=lambda asked: CAPTION)
    with described(tmp_path) as diptych:
        kept = diptych.store_query_image(chart_bytes(1))
    with served(routes) as vendor, described(tmp_path, vendor) as diptych:
        client = TestClient(create_app(diptych), base_url=ADDRESS)
        found = client.get("/", params={"image": kept, "q": "tent"}).text
        assert "it has no caption yet, which opening an address never asks for; choose the image again" in found
        assert client.get("/", params={"image": kept}).status_code == 422
        assert not routes.asked
        assert client.post("/images", files={"file": ("a.png", chart_bytes(1))}).json() == {"image": kept}
        assert len(routes.asked) == 1
        found = client.get("/", params={"image": kept}).text
        assert "The pump has six blue" in found
        assert "is not searched with" not in found
        assert len(routes.asked) == 1


def test_an_explicit_search_captions_its_image_once(tmp_path: Path) -> None:
    routes = OpenAIRoutes(answer=lambda asked: CAPTION)
    with served(routes) as vendor, described(tmp_path, vendor) as diptych:
        for _ in range(2):
            hits = diptych.search(Query("", chart_bytes(2)))
            assert "six blue bars" in hits[0].text
            assert not hits.problem
    assert len(routes.asked) == 1
