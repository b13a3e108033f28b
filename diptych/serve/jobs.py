"""Ingests that clients start, one after the other, in the background."""

import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from diptych.errors import DiptychError
from diptych.pipeline.ingest import Outcome
from diptych.serve.served_library import NotFound
from diptych.serve.threads import ServerBusy
from extractors.addresses import place_path
from extractors.timing import utc_now

JobStatus = Literal["waiting", "running", "complete", "partial", "failed"]
MAX_FAILURES = 100
"""Documents listed in a job."""
MAX_WAITING = 20
MAX_JOBS = 200
"""Jobs that are remembered."""
FILE = "file://"
RESTRICTED = "documents are neither counted nor named here, because the operator restricts what clients see"


class NotAllowed(DiptychError):
    """The operator does not allow this."""


@dataclass(slots=True)
class Failure:
    """A document that failed, or a part of one that is missing."""

    document: str
    reason: str


@dataclass(slots=True)
class Job:
    """One ingest, and how far it is."""

    id: str
    paths: tuple[str, ...]
    """As the client named them."""
    status: JobStatus = "waiting"
    total: int | None = None
    """Number of documents; null until they were counted."""
    counts: dict[str, int] = field(default_factory=dict)
    """Number of documents so far, by status."""
    failures: list[Failure] = field(default_factory=list)
    """At most 100."""
    message: str = ""
    """How it ended, or what it does now."""
    run: str = ""
    """Address of the run in Prefect, if a worker does the work."""
    created_at: str = ""
    """ISO 8601, UTC."""
    ended_at: str = ""

    def on_outcome(self, outcome: Outcome) -> None:
        """A document was processed."""
        self.counts = dict(Counter(self.counts) + Counter([outcome.status]))
        reasons = [outcome.error] if outcome.status == "failed" else [one.reason for one in outcome.problems]
        self.failures += [Failure(outcome.name, reason) for reason in reasons][: MAX_FAILURES - len(self.failures)]

    def restricted_to(self, documents: Collection[str]) -> "Job":
        """The job for clients that see these documents only, given by name: no other is named or counted in it."""
        failures = [one for one in self.failures if one.document in documents]
        return replace(self, total=None, counts={}, failures=failures, message=RESTRICTED if self.ended_at else "")


Ingest = Callable[[Sequence[str], Job, threading.Event], JobStatus]
"""Ingests paths and reports to the job meanwhile; returns how it ended, soon after the event is set.

Raises `DiptychError`."""


class Jobs:
    """The jobs of a server. Thread-safe."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self._jobs: dict[str, Job] = {}
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="diptych-serve-ingest")

    def close(self) -> None:
        """Drop jobs that wait, and have the running one end."""
        self._stopped.set()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def start(self, paths: Sequence[str], roots: Sequence[str]) -> Job:
        """A new job for `paths` below `roots`, by default for all roots. Raises `NotAllowed` and `ServerBusy`."""
        named = tuple(paths or roots)
        places = [allowed_path(path, roots) for path in named]
        job = Job(uuid.uuid4().hex, named, created_at=utc_now())
        with self._lock:
            if sum(one.status == "waiting" for one in self._jobs.values()) >= MAX_WAITING:
                raise ServerBusy(f"{MAX_WAITING} jobs are waiting already; try again when some of them have ended")
            self._jobs[job.id] = job
            for old in list(self._jobs)[:-MAX_JOBS]:
                del self._jobs[old]
        self._thread.submit(self._run, job, places)
        return job

    def list(self) -> Sequence[Job]:
        """All jobs, the last one first."""
        with self._lock:
            return list(reversed(self._jobs.values()))

    def find(self, job: str) -> Job:
        if job not in self._jobs:
            raise NotFound(f"{job[:80]}: no such job; jobs are forgotten when the server ends")
        return self._jobs[job]

    def _run(self, job: Job, paths: Sequence[str]) -> None:
        job.status = "running"
        try:
            job.status = self._ingest(paths, job, self._stopped)
        except DiptychError as error:
            job.status, job.message = "failed", str(error)
        except Exception as error:
            job.status = "failed"
            job.message = f"this is a bug, please report it: {type(error).__name__}: {error}"
        finally:
            job.ended_at = utc_now()


def allowed_path(path: str, roots: Sequence[str]) -> str:
    """The absolute form of a path that is one of `roots`, or below one. Raises `NotAllowed` for all others.

    A relative path starts from a root. Links are followed before they are compared.
    """
    for root in roots:
        if "://" in root.removeprefix(FILE):
            inside = path == root or path.startswith(root.rstrip("/") + "/")
            if inside and not _leads_up(path):
                return path
        elif "://" not in path.removeprefix(FILE) and "\0" not in path:
            top = _local(root)
            place = (top / _local(path)).resolve()
            if place.is_relative_to(top.resolve()):
                return str(place)
    raise NotAllowed(f"{path[:200]}: not below a folder that the operator named with --ingest")


def _local(path: str) -> Path:
    return place_path(path) if path.startswith(FILE) else Path(path)


def _leads_up(address: str) -> bool:
    """Whether a part of an address is `..`, for whoever decodes it once or several times."""
    while (decoded := unquote(address)) != address:
        address = decoded
    return ".." in re.split(r"[/\\?#;]", address)
