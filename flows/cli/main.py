"""The `diptych` command: data on stdout, messages on stderr, and one clear line and a non-zero exit code per error."""

import os
import sys
from collections.abc import Callable, Sequence

import click

from diptych.errors import DiptychError
from flows.cli.ask import ask
from flows.cli.backfill import backfill
from flows.cli.deploy import deploy
from flows.cli.estimate import estimate
from flows.cli.evaluate import evaluate, questions
from flows.cli.extract import extract
from flows.cli.formats import formats
from flows.cli.ingest import ingest
from flows.cli.maintenance import acknowledge, delete, doctor, reindex, retry, status, sweep
from flows.cli.mcp import mcp
from flows.cli.search import documents, like, query
from flows.cli.serve import serve
from flows.cli.transfer import export, import_
from flows.cli.up import up
from flows.cli.watch import watch
from flows.support.terminal import ExitCode, print_message

TRACE = "DIPTYCH_TRACE"
"""Environment variable: if set, unexpected errors show their traceback."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="diptych", message="%(prog)s %(version)s")
def diptych() -> None:
    """Search the text and the images of documents together, and answer questions from them.

    \b
    Exit codes: 0 complete · 1 error · 2 wrong usage · 3 some documents are partial
                4 some documents failed · 5 an evaluation is below its gate · 130 interrupted
    """


COMMANDS = (
    extract, ingest, query, documents, like, ask, estimate, backfill, status, retry, acknowledge, delete, sweep,
    reindex, export, import_, questions, evaluate, doctor, formats, watch, serve, mcp, deploy, up,
)  # fmt: skip
for command in COMMANDS:
    diptych.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return guarded(lambda: diptych.main(arguments, prog_name="diptych", standalone_mode=False))


def guarded(command: Callable[[], object]) -> int:
    """Run a command, report any error in one line, and return the exit code."""
    try:
        result = command()
        sys.stdout.flush()
        return result if isinstance(result, int) else ExitCode.COMPLETE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        print_message("diptych: interrupted; finished documents are kept, and the next run continues from there")
        return ExitCode.INTERRUPTED
    except DiptychError as error:
        print_message(f"diptych: {error}")
        return ExitCode.ERROR
    except BrokenPipeError:
        # The reader of the pipe has ended, as `head` does. Without this, Python would report it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.ERROR
    except Exception as error:
        if TRACE in os.environ:
            raise
        print_message(
            f"diptych: this is a bug, please report it: {type(error).__name__}: {error}; set {TRACE}=1 for a traceback"
        )
        return ExitCode.ERROR


if __name__ == "__main__":
    main()
