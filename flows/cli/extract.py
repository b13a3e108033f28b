"""`diptych extract`: files in, their parts out; no store."""

from __future__ import annotations

from pathlib import Path

import click

from flows.cli import options


@click.command(short_help="Passages and pictures of files; no store.")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True)
@options.as_json
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Keep pictures, contact sheets, report.")
@options.page_images
def extract(paths: tuple[str, ...], as_json: bool, out: Path | None, page_images: str | None) -> int:
    """Take files apart and show what was found; nothing is stored.

    \b
    --json prints one object a line for each part: source, modality, kind, page, bbox, text, caption, image …
    --out DIR keeps the pictures, and writes report.json and one contact sheet (HTML) a document: each page with its
    boxes drawn. Without --out the pictures are thrown away and `image` is null.
    """
    from diptych.settings import load_settings
    from flows.cli.extraction import run

    settings = load_settings()
    return run(paths, settings.model_copy(update={"page_images": page_images or settings.page_images}), as_json, out)
