"""`diptych extract`: extract passages and pictures from files, without a store."""

from pathlib import Path

import click

from flows.cli import options


@click.command()
@click.argument("paths", metavar="FILE...", nargs=-1, required=True)
@options.as_json
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Keep pictures, contact sheets, report.")
@click.option(
    "--page-images",
    type=click.Choice(["all", "visual", "none"]),
    help="Pages to keep as images; by default as configured (visual).",
)
@options.pages
@options.patterns
def extract(
    paths: tuple[str, ...],
    as_json: bool,
    out: Path | None,
    page_images: str | None,
    pages: str,
    patterns: options.Patterns,
) -> int:
    """Extract passages and pictures from files and show them; nothing is stored.

    --json prints one object per line and part: source, modality, kind, page, bbox, text, caption, image …

    --out DIR keeps the pictures, and writes report.json and one contact sheet (HTML) per document, which shows each
    page with its boxes. Without --out the pictures are discarded and `image` is null.
    """
    from diptych.settings import load_settings
    from flows.cli.extract_job import extract_files

    settings = load_settings(None, *patterns, {"pages": pages})
    if page_images:
        settings = settings.model_copy(update={"page_images": page_images})
    return extract_files(paths, settings, as_json, out)
