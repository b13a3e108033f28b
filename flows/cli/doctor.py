"""`diptych doctor`: what is installed, what is missing, what that costs, and which command mends it."""

from __future__ import annotations

from dataclasses import asdict

import click

from flows.cli import options
from flows.support.terminal import json_line, put, show, table


@click.command(short_help="What is installed, what is missing, and how to mend it.")
@options.store
@options.as_json
def doctor(store: str | None, as_json: bool) -> int:
    """Look over this machine: what is there, what is missing, what that costs, and which command mends it.

    Exits with 1 when something is missing that nothing works without.
    """
    from diptych.doctor.checks import check
    from diptych.settings import load_settings

    checks = check(load_settings(store))
    if as_json:
        for one in checks:
            put(json_line(asdict(one)))
    else:
        show(table(("", "what", "found", "costs", "mend"), ((c.state, c.name, c.what, c.cost, c.mend) for c in checks)))
    return int(any(one.state == "broken" for one in checks))
