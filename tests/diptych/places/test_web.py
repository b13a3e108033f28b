"""Documents on web servers: headers tell what changed, and addresses are not trusted."""

from __future__ import annotations

from email.utils import formatdate
from pathlib import Path

import httpx2
import pytest

from diptych.errors import ExtractionError, SourceError
from diptych.pipeline.discovery.sources import find_sources
from diptych.places.places import Places
from diptych.places.web import Limits, _is_public, open_url
from extractors.types import Source
from tests.support.http_server import Answer, Request, served

PDF = b"%PDF-1.7 not much of one"
LONG_AGO = formatdate(1_000_000_000, usegmt=True)


def page(request: Request) -> Answer | None:
    headers = {"content-type": "application/pdf", "etag": 'W/"v1"', "last-modified": LONG_AGO}
    return Answer(200, PDF, headers) if request.path.startswith(("/paper", "/view")) else None


def moved(request: Request) -> Answer | None:
    return Answer(302, b"", {"location": "/paper.pdf"}) if request.path == "/old.pdf" else None


def private(tmp_path: Path, max_bytes: int = 1 << 20) -> Places:
    return Places(tmp_path, Limits(max_bytes, 5, private=True, instead="use its path"))


def test_file_is_listed_by_its_headers_and_fetched_when_it_is_opened(tmp_path: Path) -> None:
    with served(page, moved) as server:
        places = private(tmp_path)
        (source,) = find_sources([f"{server.url}/old.pdf"], places=places).sources
        assert (source.uri, source.name, source.sha256) == (f"{server.url}/old.pdf", "old.pdf", "")
        assert (source.state.size, source.state.marker) == (len(PDF), f'{len(PDF)}-"v1"')
        assert {request.method for request in server.requests} == {"HEAD"}
        with places.opened(source) as local:
            assert local.path.read_bytes() == PDF
            assert len(local.sha256) == 64
        assert not local.path.exists()
        assert [request.path for request in server.requests if request.method == "GET"] == ["/old.pdf", "/paper.pdf"]


def test_format_of_an_address_without_suffix_is_that_of_its_content_type(tmp_path: Path) -> None:
    with served(page) as server:
        (source,) = find_sources([f"{server.url}/view?id=7"], places=private(tmp_path)).sources
    assert (source.uri, source.path.suffix) == (f"{server.url}/view?id=7", ".pdf")


def test_server_without_head_is_asked_for_the_file(tmp_path: Path) -> None:
    def no_head(request: Request) -> Answer | None:
        return Answer(405) if request.method == "HEAD" else None

    with served(no_head, page) as server:
        assert len(find_sources([f"{server.url}/paper.pdf"], places=private(tmp_path)).sources) == 1


def test_one_missing_address_among_several_is_skipped_and_named(tmp_path: Path) -> None:
    with served(page) as server:
        paths = [f"{server.url}/gone.pdf", f"{server.url}/paper.pdf"]
        found = find_sources(paths, places=private(tmp_path))
        assert [source.uri for source in found.sources] == paths[1:]
        assert f"{paths[0]}: no such file or folder" in found.left_out[0]
        with pytest.raises(SourceError, match="no such file or folder"):
            find_sources(paths[:1], places=private(tmp_path))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/large.pdf", "larger than 1 MiB; use its path"),
        ("/closed.pdf", "the server refuses access .401.; only public"),
    ],
)
def test_file_that_cannot_be_fetched_says_why(tmp_path: Path, path: str, says: str) -> None:
    def answer(request: Request) -> Answer | None:
        return Answer(401) if request.path == "/closed.pdf" else Answer(200, b"%PDF" + b"x" * (2 << 20))

    with served(answer) as server:
        source = Source(Path("/http:/x/a.pdf"), f"{server.url}{path}", "a.pdf", "", "")
        with pytest.raises(ExtractionError, match=says) as error, private(tmp_path).opened(source):
            pass
    assert error.value.transient


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "::1",
        "fe80::1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_private_addresses_are_no_public_ones(address: str) -> None:
    assert not _is_public(address)
    assert _is_public("93.184.216.34")


def test_private_address_is_refused_even_after_a_redirect(tmp_path: Path) -> None:
    with served(page) as server, pytest.raises(SourceError, match="is in a private network; set private_addresses"):
        find_sources([f"{server.url}/paper.pdf"], places=Places(tmp_path))


@pytest.mark.parametrize(
    "url",
    [
        "https://ann:hunter2@example.org/a.pdf",
        "https://example.org/a.pdf?X-Amz-Signature=hunter2",
        "https://example.org/a.pdf?access_token=hunter2",
        "s3://id:hunter2@bucket/a.pdf",
        "sftp://ann:hunter2@example.org/a.pdf",
    ],
)
def test_credentials_in_an_address_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SourceError, match="would be stored") as error:
        find_sources([url])
    assert "hunter2" not in str(error.value)


class Resolver:
    """Answers look-ups of names one after the other; the last answer is repeated."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): found for name, found in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        self.asked.append(host)
        if host not in self.answers:
            return [(0, 0, 0, "", (host, port))]
        found = self.answers[host]
        return [(0, 0, 0, "", (address, port)) for address in (found.pop(0) if len(found) > 1 else found[0])]


PUBLIC = "93.184.216.34"


def fetch(
    url: str, resolver: Resolver, monkeypatch: pytest.MonkeyPatch, redirects: dict[str, str] | None = None
) -> list[tuple[str, str, str]]:
    """The requests that are sent for a URL: address, header `host` and name for TLS. Servers only redirect."""
    sent = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append((request.url.host, request.headers["host"], str(request.extensions["sni_hostname"])))
        target = (redirects or {}).get(request.url.path)
        return httpx2.Response(302, headers={"location": target}) if target else httpx2.Response(200, content=b"x")

    monkeypatch.setattr("diptych.places.web.socket.getaddrinfo", resolver)
    with httpx2.Client(transport=httpx2.MockTransport(answer)) as client, open_url(url, client, Limits(), {}) as found:
        assert found.status == 200
    return sent


def test_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(files_example=[[PUBLIC], ["127.0.0.1"]])
    assert fetch("https://files.example/a.pdf", resolver, monkeypatch) == [(PUBLIC, "files.example", "files.example")]
    assert resolver.asked == ["files.example"]
    with pytest.raises(SourceError, match="is in a private network"):
        fetch("https://files.example/a.pdf", resolver, monkeypatch)  # the name now leads to this machine


def test_each_redirect_is_looked_up_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(a_example=[[PUBLIC]], b_example=[["10.0.0.5"]])
    sent = fetch("https://a.example/1", resolver, monkeypatch, {"/1": "/2", "/2": "http://a.example/3"})
    assert [host for host, *_ in sent] == [PUBLIC] * 3
    assert resolver.asked == ["a.example"] * 3
    with pytest.raises(SourceError, match=r"b\.example is in a private network"):
        fetch("https://a.example/1", resolver, monkeypatch, {"/1": "https://b.example/"})
    with pytest.raises(SourceError, match="redirected more than 5 times"):
        fetch("https://a.example/1", resolver, monkeypatch, {"/1": "/1"})


@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/latest/meta-data", "http://127.0.0.1/", "http://[::1]/", "http://[::ffff:10.0.0.1]/",
     "http://0.0.0.0/", "http://100.64.0.1/", "http://[fd00::1]/"],
)  # fmt: skip
def test_redirect_to_this_machine_or_its_network_is_refused(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="is in a private network; set private_addresses to allow it"):
        fetch("https://a.example/1", Resolver(a_example=[[PUBLIC]]), monkeypatch, {"/1": target})


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://a.example/a.pdf", "gopher://a.example/"])
def test_redirect_to_another_scheme_is_refused(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="only http and https addresses can be downloaded"):
        fetch("https://a.example/1", Resolver(a_example=[[PUBLIC]]), monkeypatch, {"/1": target})


def test_name_with_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="is in a private network"):
        fetch("https://a.example/1", Resolver(a_example=[[PUBLIC, "192.168.0.1"]]), monkeypatch)
