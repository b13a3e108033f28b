"""`diptych doctor`: check this machine."""

from __future__ import annotations

from dataclasses import asdict

import click

from flows.cli import options
from flows.support.terminal import ExitCode, build_table, print_json, print_output

COLUMNS = ("", "what", "found", "costs", "fix")


@click.command(short_help="Check what is installed and how to fix what is missing.")
@options.store
@options.as_json
def doctor(store: str | None, as_json: bool) -> int:
    """Check this machine: what is installed, what is missing, what that costs, and which command fixes it.

    Exits with 1 if a requirement is missing.
    """
    from diptych.doctor.doctor import run_checks
    from diptych.settings import load_settings

    checks = run_checks(load_settings(store))
    if as_json:
        for check in checks:
            row = asdict(check)
            print_json(row | {"mend": row.pop("fix")})  # scripts read this key
    else:
        rows = ((one.state, one.name, one.what, one.cost, one.fix) for one in checks)
        print_output(build_table(COLUMNS, rows))
    return ExitCode.ERROR if any(one.state == "broken" for one in checks) else ExitCode.COMPLETE
