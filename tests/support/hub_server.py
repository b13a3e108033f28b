"""A server that offers model repositories like the Hugging Face hub."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.http_server import Answer, Request, Route

COMMIT = "c0ffee" * 6 + "c0ff"


def hub_routes(models: Path) -> Route:
    """Serve the repositories in `models`, each in ORGANISATION/NAME."""

    def answer(request: Request) -> Answer | None:
        path = urlsplit(request.path).path
        if path.startswith("/api/models/"):
            organisation, name, what, _ = path.removeprefix("/api/models/").split("/")[:4]
            return _describe_repository(models / organisation / name, f"{organisation}/{name}", what)
        repository, found, file = path.lstrip("/").partition("/resolve/")
        target = models / repository / file.partition("/")[2]
        if not found or not target.is_file():
            return None
        content = target.read_bytes()
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        return Answer(200, content, {"etag": etag, "x-repo-commit": COMMIT, "content-type": "application/octet-stream"})

    return answer


def _describe_repository(folder: Path, repository: str, what: str) -> Answer | None:
    if not folder.is_dir():
        return None
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    if what == "tree":
        sizes = {name: path.stat().st_size for name, path in files.items()}
        return Answer(200, [{"type": "file", "path": name, "size": size, "oid": "0"} for name, size in sizes.items()])
    return Answer(200, {"id": repository, "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]})
