"""`diptych formats`: what this installation can read."""

from dataclasses import asdict

import click

from flows.cli import options
from flows.output.terminal import build_table, print_json, print_output

COLUMNS = ("", "files", "suffixes", "read by", "missing")


@click.command()
@options.as_json
def formats(as_json: bool) -> None:
    """List the formats and places that this installation can read, with which library, and what is missing.

    --json prints one object for each: label, suffixes, libraries, readable, missing.
    """
    from diptych.doctor.formats import readable_formats
    from diptych.settings import load_settings

    found = readable_formats(load_settings())
    if as_json:
        for one in found:
            print_json(asdict(one))
        return
    rows = []
    for one in found:
        cells = " ".join(one.suffixes), ", ".join(one.libraries), "; ".join(one.missing)
        rows.append(("yes" if one.readable else "no", one.label, *cells))
    print_output(build_table(COLUMNS, rows))
    known = sum(len(one.suffixes) for one in found if one.label != "place" and one.readable)
    print_output(f"{known} suffixes can be read here; `diptych doctor` checks everything else")
