"""Programs that run as long as a command does, and end with it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID, uuid4

import psutil

from diptych.errors import SettingsError

MARK_VARIABLE = "PREFECT_DIPTYCH_UP"
"""Environment variable with the same value in all processes of a service, its children included."""
POLL_SECONDS = 0.2


class Service:
    """A program in a session of its own, so that Ctrl-C reaches the command only, which then ends all in order."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        """Start `python -m COMMAND...`; what it prints goes to `log`."""
        self.name, self.log = name, log
        self._mark = uuid4().hex
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env={**environment, MARK_VARIABLE: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise `SettingsError` if the program has ended by itself."""
        if (code := self._process.poll()) is not None:
            raise SettingsError(f"the {self.name} ended with code {code}; {self.log} says why")

    def wait_for(self, url: str, seconds: float) -> None:
        """Wait until the program answers at `url`. Raises `SettingsError` if it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            try:
                with urllib.request.urlopen(url, timeout=10):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(POLL_SECONDS)
        raise SettingsError(f"the {self.name} did not answer at {url} for {seconds:.0f} seconds; see {self.log}")

    def stop(self, seconds: float) -> set[UUID]:
        """Ask the program to end; after `seconds`, kill it. None of its children survives.

        Returns the ids of the flow runs whose processes were killed.
        """
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(seconds)
        self._process.kill()  # first, so that it starts nothing else
        self._process.wait()
        runs = set()
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                environment = process.environ()
                if environment.get(MARK_VARIABLE) == self._mark:
                    process.kill()
                    runs.add(environment.get("PREFECT__FLOW_RUN_ID", ""))
        return {UUID(run) for run in runs if run}


def check_port(host: str, port: int) -> None:
    """Raise `SettingsError` if another program has the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server that has just ended does not count
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"port {port} of {host} cannot be used ({os.strerror(error.errno or 0)}); stop the program that has "
                f"it, or choose another port with --port"
            ) from error


@contextmanager
def terminable() -> Iterator[None]:
    """Treat SIGTERM and a closed terminal like Ctrl-C."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
