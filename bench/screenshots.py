"""`python -m bench.screenshots`: the pictures of the search page in docs/, from the sample documents.

Needs Chromium. Small WebP files, because they are committed.
"""

from __future__ import annotations

import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import uvicorn
from PIL import Image
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from diptych import Diptych, Settings
from diptych.serve.app import create_app

ROOT = Path(__file__).parents[1]
DATA, DOCS = ROOT / "data", ROOT / "docs"
SIZE = ViewportSize(width=1200, height=760)
SCALE = 1.25
"""Pixels per point: sharp enough, and small files."""
MAX_BYTES = 150_000
QUALITIES = (85, 75, 65, 55, 45)


def main() -> int:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        print("Chromium is missing: apt-get install chromium", file=sys.stderr)
        return 1
    with TemporaryDirectory() as folder, Diptych.open(Settings(store=f"{folder}/library", root=DATA)) as library:
        library.ingest([DATA])
        figure = library.search("flow of the water", limit=20)
        hit = next(one.id for one in figure if one.kind == "figure")
        with _served(library) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            _save(browser, f"{url}/?q=how+the+water+flows+through+the+pump", "page-search", "light")
            _save(browser, f"{url}/hits/{hit}", "page-hit", "light")
            _save(browser, f"{url}/catalogue", "page-catalogue", "dark")
            browser.close()
    return 0


def _save(browser: Browser, address: str, name: str, mode: Literal["light", "dark"]) -> None:
    context = browser.new_context(viewport=SIZE, device_scale_factor=SCALE, color_scheme=mode, reduced_motion="reduce")
    page = context.new_page()
    page.goto(address, wait_until="networkidle")
    page.evaluate("document.activeElement.blur()")
    image = Image.open(BytesIO(page.screenshot())).convert("RGB")
    context.close()
    target = DOCS / f"{name}.webp"
    for quality in QUALITIES:
        image.save(target, "WEBP", quality=quality, method=6)
        if target.stat().st_size <= MAX_BYTES:
            break
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1000} kB")


@contextmanager
def _served(library: Diptych) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(library), log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


if __name__ == "__main__":
    sys.exit(main())
