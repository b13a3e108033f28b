"""Run test files in several processes at once: `pytest --processes 3`.

The processes are forked when all tests are collected. With pytest-xdist, every process would import and collect them
again, which takes ten seconds each.
"""

from __future__ import annotations

import atexit
import os
import random
import signal
import struct
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, groupby, pairwise
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, NoReturn

import pytest

_NUMBER = struct.Struct("H")


def run_in_processes(session: pytest.Session, count: int) -> None:
    """Run the collected tests of a session; those of a file run one after another in one process."""
    files = [list(tests) for _, tests in groupby(session.items, lambda test: test.path)]
    session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    unstarted = _queue_of(len(files))
    running = dict(_fork(session, files, unstarted) for _ in range(count))
    os.close(unstarted)
    last_test: dict[Connection, str] = {}
    try:
        while running:
            for connection in wait(list(running)):
                assert isinstance(connection, Connection)
                try:
                    hook, arguments = connection.recv()
                except EOFError:
                    _report_end(session, running.pop(connection), last_test.get(connection, "no test"))
                    continue
                last_test[connection] = arguments.get("nodeid") or last_test.get(connection, "")
                _call_hook(session.config, hook, arguments)
            if session.shouldfail or session.shouldstop:
                break
    finally:
        for pid in running.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
        for pid in running.values():
            os.waitpid(pid, 0)
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)


def _queue_of(count: int) -> int:
    """A pipe from which every process takes the number of the file that it runs next."""
    reading, writing = os.pipe()
    os.write(writing, b"".join(map(_NUMBER.pack, range(count))))
    os.close(writing)
    return reading


def _fork(session: pytest.Session, files: Sequence[list[pytest.Item]], unstarted: int) -> tuple[Connection, int]:
    """Start a process. Returns where its reports arrive, and its process id."""
    receiving, sending = Pipe(duplex=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of libraries, which are idle
        pid = os.fork()
    if pid:
        sending.close()
        return receiving, pid
    status = 1
    try:
        atexit._clear()  # what the parent process will do at its end
        _run_files(session, files, unstarted, sending)
        status = 0
    except KeyboardInterrupt:
        pass
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        end_process(status)


def end_process(status: int) -> NoReturn:
    """End this process without freeing half a gigabyte of modules one by one, which takes seconds."""
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.__stdout__, sys.__stderr__)):
        stream.flush()
    os._exit(status)


def _run_files(
    session: pytest.Session, files: Sequence[list[pytest.Item]], unstarted: int, sending: Connection
) -> None:
    config = session.config
    config.get_terminal_writer()._file = open(os.devnull, "w")  # noqa: PTH123, SIM115
    config.pluginmanager.register(_Sender(config, sending))
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    capture.stop_global_capturing()  # into a file that is shared with the parent process
    capture.start_global_capturing()
    factory = config._tmp_path_factory  # type: ignore[attr-defined]
    factory._basetemp = factory.mktemp("process")
    random.seed()
    try:
        tests = chain.from_iterable(files[number] for number in _numbers(unstarted))
        for test, following in pairwise(chain(tests, [None])):
            assert test
            config.hook.pytest_runtest_protocol(item=test, nextitem=following)
            if session.shouldfail or session.shouldstop:
                break
    finally:
        session._setupstate.teardown_exact(None)


def _numbers(unstarted: int) -> Iterator[int]:
    while data := os.read(unstarted, _NUMBER.size):
        yield _NUMBER.unpack(data)[0]


class _Sender:
    """A plugin that sends calls of hooks to the parent process."""

    def __init__(self, config: pytest.Config, sending: Connection) -> None:
        self._config, self._sending = config, sending

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self._sending.send(("pytest_runtest_logstart", {"nodeid": nodeid, "location": location}))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._sending.send(("pytest_runtest_logreport", {"report": data}))

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str, location: tuple[str, int, str] | None
    ) -> None:
        one = warning_message
        text = warnings.WarningMessage(str(one.message), one.category, one.filename, one.lineno)
        arguments = {"warning_message": text, "when": when, "nodeid": nodeid, "location": location}
        self._sending.send(("pytest_warning_recorded", arguments))


def _call_hook(config: pytest.Config, hook: str, arguments: dict[str, Any]) -> None:
    """Call a hook here as it was called in another process."""
    if "report" in arguments:
        arguments["report"] = config.hook.pytest_report_from_serializable(config=config, data=arguments["report"])
    called = getattr(config.hook, hook)
    called.call_historic(kwargs=arguments) if called.is_historic() else called(**arguments)


def _report_end(session: pytest.Session, pid: int, last_test: str) -> None:
    """Report an error if a process did not end by itself: the tests of its file may be missing."""
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        message = f"the process that ran this test ended with {status}"
        lost = pytest.TestReport(last_test, ("", None, last_test), {}, "failed", message, "call")
        session.config.hook.pytest_runtest_logreport(report=lost)
