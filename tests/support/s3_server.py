"""A local S3 server (moto) that counts its requests and can be told to fail; importing `s3` makes it a fixture."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import pytest

CREDENTIALS = {"aws_access_key_id": "id", "aws_secret_access_key": "secret"}


class S3Server:
    """`url` is where a test keeps its pictures."""

    bucket = "bucket"

    def __init__(self) -> None:
        import boto3
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self.requests: list[str] = []
        """What was asked since the test began: `PUT ledger/1/captions/….json`, `LIST`, `DELETE many`."""
        self.fail: Callable[[str], int] = lambda request: 0
        """Returns the HTTP status with which to refuse a request; 0: answer it."""
        self.start_test()
        threading.Thread(target=self._server.serve_forever, name="s3-server", daemon=True).start()
        logging.getLogger("werkzeug").setLevel("ERROR")
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.address,
            region_name="us-east-1",
            **CREDENTIALS,
        )
        self.client.create_bucket(Bucket=self.bucket)

    def start_test(self) -> None:
        self.folder = uuid.uuid4().hex[:8]
        self.url = f"s3://{self.bucket}/{self.folder}"
        self.fail = lambda request: 0
        self.requests.clear()

    def names(self) -> set[str]:
        """The keys in the bucket below `url`, without counting requests."""
        before = list(self.requests)
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{self.folder}/")
        names = {one["Key"].removeprefix(f"{self.folder}/") for page in pages for one in page.get("Contents", ())}
        self.requests[:] = before
        return names

    def counts(self) -> dict[str, int]:
        """Method -> number of requests since the last call."""
        counts = Counter(request.partition(" ")[0] for request in self.requests)
        self.requests.clear()
        return dict(sorted(counts.items()))

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        method, prefix = environ["REQUEST_METHOD"], f"{self.folder}/"
        request = f"{method} {environ['PATH_INFO'].removeprefix(f'/{self.bucket}/{prefix}')}"
        if method == "GET" and "list-type" in query:
            request = "LIST " + query.get("prefix", [""])[0].removeprefix(prefix)
        if "delete" in query:
            request = "DELETE many"
        self.requests.append(request)
        if status := self.fail(request):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            code = {403: "AccessDenied", 404: "NoSuchBucket"}.get(status, "InternalError")
            body = (
                b""
                if method == "HEAD"
                else f"<Error><Code>{code}</Code><Message>told to fail</Message></Error>".encode()
            )
            start(f"{status} refused", [("Content-Length", str(len(body))), ("Content-Type", "application/xml")])
            return [body]
        return self._app(environ, start)


running_server = cache(S3Server)
"""One for all tests of this process."""


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """A server with a new folder, and the environment that leads clients there."""
    s3_server = running_server()
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_server.address)
    s3_server.start_test()
    return s3_server
