"""The options that several commands share."""

from __future__ import annotations

import click

store = click.option("--store", metavar="DIR|URL", help="The store; by default the one that the settings name.")
as_json = click.option("--json", "as_json", is_flag=True, help="JSON Lines on stdout instead of a summary.")
documents = click.argument("paths", metavar="PATH|URI...", nargs=-1, required=True)
confirm_deletes = click.option(
    "--confirm-deletes", is_flag=True, help="Delete what is gone even when it is more than a quarter."
)
page_images = click.option(
    "--page-images",
    type=click.Choice(["all", "visual", "none"]),
    help="Which pages are kept as images; by default as the settings say (visual).",
)
