"""The options that several commands share."""

from __future__ import annotations

import re

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


class Span(click.ParamType[tuple[int, int]]):
    """`10`: the first ten; `11-20`: those that come next. Gives (limit, offset)."""

    name = "N|FROM-TO"

    def convert(self, value: object, param: click.Parameter | None, context: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        read = re.fullmatch(r"(?:(\d{1,6})-)?(\d{1,6})", str(value))
        first, last = (int(read[1] or 1), int(read[2])) if read else (0, 0)
        if not 1 <= first <= last:
            self.fail(f"{value!r} is neither a number from 1 nor a span such as 11-20", param, context)
        return last - first + 1, first - 1


span = click.option(
    "--limit", type=Span(), default="10", show_default=True, help="Most hits of a question, or which: 11-20."
)
budget = click.option(
    "--budget", type=click.FloatRange(0, min_open=True), metavar="USD", help="Most that paid models may cost."
)
where = click.option("--where", metavar="EXPR", help='A filter: price < 200 and category = "jackets".')
