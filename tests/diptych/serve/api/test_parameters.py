"""Parameters that a route does not have are refused, as the command line refuses unknown options."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from diptych import Diptych
from diptych.serve.app import create_app
from diptych.serve.jobs import Job, JobStatus
from diptych.serve.options import ServeOptions
from tests.support.served_store import ADDRESS


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("search?q=pump&limt=3", "limt: there is no such parameter; did you mean limit? there are q, where, limit"),
        ("groups?q=pump&kind=page", "kind: there is no such parameter; there are q, where, by, limit, each"),
        ("documents?state=failed", "state: there is no such parameter; did you mean status? there are status, name"),
        ("like/x?split=1", "split: there is no such parameter; did you mean split_rows? there are where, limit"),
        ("search?q=pump&where=page+>+1&where=page+<+3", "where: this parameter is given 2 times; give it once"),
        ("status?x=1", "x: there is no such parameter; this address takes no parameters"),
    ],
)
def test_misspelt_parameters_are_refused(client: TestClient, address: str, sentence: str) -> None:
    answer = client.get(f"/api/v1/{address}")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(sentence)


def test_misspelt_fields_of_forms_are_refused(client: TestClient) -> None:
    for address in ("search", "ask"):
        for data, files in (({"q": "pump", "limt": "3"}, None), ({"q": "pump", "limt": "3"}, {"image": ("", b"")})):
            answer = client.post(f"/api/v1/{address}", data=data, files=files)
            assert answer.status_code == 422
            assert answer.json()["detail"].startswith("limt: there is no such field; did you mean limit? there are q,")
    in_address = client.post("/api/v1/search?limit=3", data={"q": "pump"})
    assert in_address.json()["detail"] == "limit: there is no such parameter; this address takes no parameters"
    assert client.post("/api/v1/search", data={"q": "pump", "limit": "3"}).status_code == 200
    assert client.post("/api/v1/search", json={"q": "pump"}).status_code == 415


def test_misspelt_paths_do_not_ingest_everything(served_diptych: Diptych) -> None:
    def ingest(paths: object, job: Job, stopped: object) -> JobStatus:
        raise AssertionError

    app = create_app(served_diptych, ServeOptions(roots=("/srv",)), ingest)
    with TestClient(app, base_url=ADDRESS) as client:
        answer = client.post("/api/v1/jobs", json={"path": ["2026"]})
        assert (answer.status_code, answer.json()["detail"]) == (422, "body.path: there is no such field")
        assert client.get("/api/v1/jobs").json() == []


def test_pages_ignore_parameters_that_other_sites_add(client: TestClient) -> None:
    assert client.get("/?q=pump&utm_source=mail").status_code == 200
