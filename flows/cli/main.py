"""The `diptych` command: data on stdout, messages on stderr, and one clear line and a non-zero exit code per error."""

import gc
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from io import TextIOWrapper
from traceback import format_exception

import click

from diptych.errors import DiptychError
from extractors.errors import NO_SPACE
from flows.output.terminal import ExitCode, print_message

TRACE = "DIPTYCH_TRACE"
"""Environment variable: if set, unexpected errors show their traceback."""
SECRET_VARIABLE = re.compile("KEY|TOKEN|SECRET|PASS|CREDENTIAL|CONNECTION_STRING")
GARBAGE_THRESHOLD = 150_000
"""New objects after which garbage is collected: more than short commands create. With Python's 700, that takes a tenth
of their time."""

COMMANDS = {
    "extract": ("extract", "Extract passages and pictures from files; no store."),
    "ingest": ("ingest", "Bring the store up to date with files and folders."),
    "query": ("search", "Search text and images; one ranked list."),
    "documents": ("search", "Search for documents or pages, with their best hits."),
    "like": ("search", "Find passages, pictures or products similar to a hit."),
    "ask": ("ask", "Answer a question, with checked citations."),
    "estimate": ("estimate", "Show what a run would embed, caption and cost."),
    "backfill": ("backfill", "Ingest many documents, as Prefect flow runs."),
    "status": ("maintenance", "List the documents of the store and what is missing."),
    "retry": ("maintenance", "Retry documents that failed."),
    "acknowledge": ("maintenance", "Accept that documents failed, until their files change."),
    "delete": ("maintenance", "Delete documents from the store."),
    "sweep": ("maintenance", "Remove data that no document uses."),
    "reindex": ("maintenance", "Rebuild the store for another encoder or language."),
    "export": ("transfer", "Write the whole store as plain files."),
    "import": ("transfer:import_", "Read an export into a store."),
    "questions": ("evaluate", "Propose questions with known answers, for `evaluate`."),
    "evaluate": ("evaluate", "Measure search on your own questions."),
    "doctor": ("maintenance", "Check what is installed and how to fix what is missing."),
    "formats": ("formats", "List what this installation can read."),
    "watch": ("watch", "Ingest new and changed files as soon as they appear."),
    "serve": ("serve", "Serve a search page, an API and MCP for agents."),
    "mcp": ("mcp", "Serve the store to an agent over stdin and stdout (MCP)."),
    "deploy": ("deploy", "Bring the flows to a Prefect server."),
    "up": ("up", "Start a Prefect server with all flows, and a worker."),
}
"""Name -> the module in this folder that defines it, with the function if it has another name, and a short help.

A command is imported when it is run.
"""


class CommandGroup(click.Group):
    """The commands of `COMMANDS`."""

    def list_commands(self, context: click.Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, function = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(f"flows.cli.{module}"), function or name)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, short_help) for name, (_, short_help) in COMMANDS.items()])


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="diptych", message="%(prog)s %(version)s")
def diptych() -> None:
    """Search the text and the images of documents together, and answer questions from them.

    \b
    Exit codes: 0 complete · 1 error · 2 wrong usage · 3 some documents are partial
                4 some documents failed · 5 an evaluation is below its gate · 130 interrupted
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: not every terminal shows every character
    code = run(arguments)
    gc.freeze()  # Python collects garbage once more at the end, which finds nothing but the modules
    sys.exit(code)


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
        if isinstance(error, OSError) and (error.errno in NO_SPACE or "temporary directory" in str(error)):
            print_message(f"diptych: the disk is full ({error}); free some space and run again")
        elif TRACE in os.environ:
            for line in _without_secrets("".join(format_exception(error))).splitlines():
                print_message(line)
        else:
            reason = _without_secrets(f"{type(error).__name__}: {error}")
            print_message(f"diptych: this is a bug, please report it: {reason}; set {TRACE}=1 for a traceback")
        return ExitCode.ERROR


def _without_secrets(text: str) -> str:
    """The text of an unexpected error, which a library wrote, without the values of secret environment variables."""
    secrets = {value for name, value in os.environ.items() if SECRET_VARIABLE.search(name) and len(value) >= 8}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return text


if __name__ == "__main__":
    main()
