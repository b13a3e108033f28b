"""Ingests that clients start, and metrics."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from diptych import Diptych, Settings
from diptych.serve.app import create_app
from diptych.serve.jobs import NotAllowed, allowed_path
from diptych.serve.options import ServeOptions
from flows.runs.served_ingest import ingest_here
from tests.support.papers import write_rows
from tests.support.served_store import ADDRESS


def ended(client: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    while job["status"] in ("waiting", "running"):
        time.sleep(0.02)
        job = client.get(f"/api/v1/jobs/{job['id']}").json()
    return job


def test_clients_ingest_below_the_roots_of_the_operator(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    write_rows(shop / "pumps.jsonl", 1, 2)
    (shop / "broken.png").write_bytes(b"no image")
    options = ServeOptions(roots=(str(shop),), write=True, rate=10_000)
    with (
        Diptych.open(Settings(store=str(tmp_path / "store"), ocr="off", workers=1)) as diptych,
        TestClient(create_app(diptych, options, ingest_here(diptych)), base_url=ADDRESS) as client,
    ):
        started = client.post("/api/v1/jobs", json={})
        assert started.status_code == 202
        assert started.headers["location"] == f"/api/v1/jobs/{started.json()['id']}"
        job = ended(client, started.json())
        assert (job["status"], job["total"], job["counts"]) == ("failed", 3, {"complete": 2, "failed": 1})
        assert [one["document"] for one in job["failures"]] == ["shop/broken.png"]
        assert job["message"].startswith("3 documents: 2 complete, 1 failed")
        assert client.get("/api/v1/search", params={"q": "pump"}).json()["hits"]

        again = ended(client, client.post("/api/v1/jobs", json={"paths": ["pumps.jsonl"]}).json())
        assert (again["status"], again["counts"]) == ("complete", {"unchanged": 2})
        missing = ended(client, client.post("/api/v1/jobs", json={"paths": ["nothing"]}).json())
        assert missing["status"] == "failed"
        assert "nothing" in missing["message"]
        assert [one["id"] for one in client.get("/api/v1/jobs").json()] == [missing["id"], again["id"], job["id"]]
        for outside in ("..", "../store", "/etc/passwd", "file:///etc/passwd", "s3://bucket/x", "x\0"):
            assert client.post("/api/v1/jobs", json={"paths": [outside]}).status_code == 403, outside

        metrics = client.get("/metrics").text
        assert 'diptych_documents{status="complete"} 2.0' in metrics
        assert 'diptych_jobs{status="failed"} 2.0' in metrics
        assert 'diptych_requests_total{method="GET",route="/api/v1/search",status="200"} 1.0' in metrics
        assert 'route="/api/v1/search"} 1.0' in metrics

        (first, *_) = client.get("/api/v1/documents", params={"status": "complete"}).json()["documents"]
        assert client.delete(f"/api/v1/documents/{first['id']}").status_code == 204
        assert client.get(f"/api/v1/documents/{first['id']}").status_code == 404


def test_server_is_read_only_by_default(client: TestClient, served_diptych: Diptych) -> None:
    document = served_diptych.documents()[0].id
    refused = client.delete(f"/api/v1/documents/{document}")
    assert (refused.status_code, "--write" in refused.json()["detail"]) == (403, True)
    refused = client.post("/api/v1/jobs", json={"paths": ["/"]})
    assert (refused.status_code, "--ingest" in refused.json()["detail"]) == (403, True)
    assert client.get(f"/api/v1/documents/{document}").status_code == 200


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("a.pdf", "ROOT/a.pdf"),
        ("ROOT/a.pdf", "ROOT/a.pdf"),
        ("sub/../a.pdf", "ROOT/a.pdf"),
        ("ROOT", "ROOT"),
        ("ROOT-2/a.pdf", None),
        ("link", None),
        ("../x", None),
        ("s3://bucket/reports/2026", "s3://bucket/reports/2026"),
        ("s3://bucket/reports", "s3://bucket/reports"),
        ("s3://bucket/reports-2", None),
        ("s3://bucket/reports/../secret", None),
        ("s3://other/reports", None),
        ("sftp://host/docs/a%20b.pdf", "sftp://host/docs/a%20b.pdf"),
        ("sftp://host/docs/%2e%2e/secret.pdf", None),
        ("sftp://host/docs/a%2f..%252f../secret.pdf", None),
        ("sftp://host/docs/..?a", None),
        ("sftp://host/docs/..%5csecret.pdf", None),
        ("file://ROOT/a.pdf", "ROOT/a.pdf"),
        ("file://ROOT/%2e%2e/a.pdf", None),
    ],
)
def test_paths_stay_below_the_roots(tmp_path: Path, path: str, allowed: str | None) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    for first in (str(root), root.as_uri()):
        roots = [first, "s3://bucket/reports", "sftp://host/docs"]
        named = path.replace("ROOT", str(root))
        if allowed:
            assert allowed_path(named, roots) == allowed.replace("ROOT", str(root))
        else:
            with pytest.raises(NotAllowed):
                allowed_path(named, roots)
