"""The `diptych` command: data on stdout, progress on stderr, one clear line and a non-zero exit for every error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

import click

from diptych.errors import DiptychError
from flows.cli.ask import ask
from flows.cli.backfill import backfill
from flows.cli.delete import delete
from flows.cli.doctor import doctor
from flows.cli.documents import documents
from flows.cli.estimate import estimate
from flows.cli.evaluate import evaluate
from flows.cli.extract import extract
from flows.cli.ingest import ingest
from flows.cli.like import like
from flows.cli.query import query
from flows.cli.questions import questions
from flows.cli.reindex import reindex
from flows.cli.retry import retry
from flows.cli.status import status
from flows.cli.sweep import sweep
from flows.cli.transfer import export, import_
from flows.support.terminal import say

ERROR, INTERRUPTED = 1, 130
TRACE = "DIPTYCH_TRACE"
"""Environment variable: set to anything, a defect shows its traceback."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="diptych", message="%(prog)s %(version)s")
def diptych() -> None:
    """Documents into two panels, text and images, and one ranked list out of both.

    \b
    Exit codes: 0 complete · 1 error · 2 wrong usage · 3 some documents are partial
                4 some documents failed · 5 an evaluation is below its gate · 130 interrupted
    """


COMMANDS = (
    extract, ingest, query, documents, like, ask, estimate, backfill, status, retry, delete, sweep, reindex, export,
    import_, questions, evaluate, doctor,
)  # fmt: skip
for command in COMMANDS:
    diptych.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    return guarded(lambda: diptych.main(arguments, prog_name="diptych", standalone_mode=False))


def guarded(command: Callable[[], object]) -> int:
    """Run a command; its exit code, and one clear line for every error."""
    try:
        result = command()
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("diptych: interrupted; what was committed stays, running again goes on from there")
        return INTERRUPTED
    except DiptychError as error:
        say(f"diptych: {error}")
        return ERROR
    except BrokenPipeError:
        # The reader has gone, as `head` does, and click and rich end with 1 then; Python would still complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    except Exception as error:
        if TRACE in os.environ:
            raise
        say(f"diptych: a defect, please report it: {type(error).__name__}: {error}; {TRACE}=1 shows where")
        return ERROR


if __name__ == "__main__":
    main()
