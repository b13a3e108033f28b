"""What runs log and return when they fail: sentences, and nothing that raises inside Prefect."""

from __future__ import annotations

import logging
import pickle
import sys
from pathlib import Path

import pytest
from prefect.exceptions import FailedRun
from prefect.states import get_state_exception

from diptych.errors import SourceError
from flows.runs.local_prefect import RunFailed, run_result
from flows.runs.run_states import SentencesOnly, describe_paths, failed_state, store_name


def logged(name: str, message: str, *args: object, error: Exception | None = None) -> logging.LogRecord | None:
    """The record that Prefect's logger `name` would pass on."""
    try:
        raise error or KeyError
    except Exception:
        trace = sys.exc_info() if error else None
    record = logging.LogRecord(name, logging.ERROR, "", 1, message, args, trace)
    return record if SentencesOnly().filter(record) else None


def test_known_failure_is_logged_as_one_sentence() -> None:
    error = SourceError("nowhere: no such file\nor folder")
    record = logged("prefect.flow_runs", "Encountered exception during execution: %r", error, error=error)
    assert record
    assert (record.getMessage(), record.exc_info) == ("nowhere: no such file or folder", None)
    assert logged("prefect.flow_runs", "Engine execution exited with unexpected exception", error=error) is None
    assert logged("prefect.engine", "Execution of flow run 'x' exited", error=FailedRun("x")) is None


def test_bug_keeps_its_traceback() -> None:
    record = logged("prefect.flow_runs", "Engine execution exited with unexpected exception", error=KeyError("x"))
    assert record
    assert record.exc_info


def test_states_are_not_logged_as_reprs() -> None:
    assert logged("prefect.task_runs", "Task run failed with state: Failed(result=[Outcome(…)])") is None
    retried = logged(
        "prefect.task_runs", "Task run failed with %s: %r - Retry %s/%s will start %s", "state", object(), 1, 2, "now"
    )
    assert retried
    assert retried.getMessage() == "attempt 1 of 2 failed; the next one starts now"


def test_failed_state_raises_its_sentence_and_has_its_data() -> None:
    state = failed_state("2 documents: 1 failed", {"failed": 1})
    error = get_state_exception(state)
    assert isinstance(error, RunFailed)
    assert str(error) == "2 documents: 1 failed"
    assert run_result(state) == {"failed": 1}
    assert pickle.loads(pickle.dumps(error)).data == {"failed": 1}


def test_names_say_what_is_ingested_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("reports").mkdir()
    assert describe_paths(["reports"]) == "reports/"
    assert describe_paths(["reports", "a.pdf", "b.pdf"]) == "reports/ and 2 more"
    assert (store_name("library"), store_name("https://key:secret@host:6333/?a=b")) == ("library", "https://host:6333/")
