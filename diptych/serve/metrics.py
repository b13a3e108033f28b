"""Metrics for Prometheus: requests, the documents of the store, and jobs."""

import time
from collections import Counter as Count
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diptych.serve.jobs import Job
from diptych.store.register import DocumentRecord

BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
"""Upper bounds in seconds: a search takes 10 to 100 ms, an answer seconds."""
OTHER_ROUTE = "other"


class Metrics:
    """What a server counts. Each application has its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route")
        self.requests = Counter(
            "diptych_requests", "Requests by response status.", (*labels, "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "diptych_request_seconds",
            "Seconds until a response began.",
            labels,
            buckets=BUCKETS,
            registry=self.registry,
        )

        self._documents = Gauge("diptych_documents", "Documents by status.", ("status",), registry=self.registry)
        self._up = Gauge("diptych_store_up", "Whether the store answered: 1 or 0.", registry=self.registry)
        self._jobs = Gauge("diptych_jobs", "Ingests that clients started.", ("status",), registry=self.registry)
        self._spent = Gauge("diptych_spent_usd", "US dollars for paid models.", registry=self.registry)

    def render(self, documents: Iterable[DocumentRecord] | None, jobs: Sequence[Job], spent: float) -> bytes:
        """Everything in the text format of Prometheus; `documents`: None if the store did not answer; `spent`: USD."""
        self._up.set(documents is not None)
        _set(self._documents, (one.status for one in documents or ()))
        _set(self._jobs, (job.status for job in jobs))
        self._spent.set(spent)
        return generate_latest(self.registry)


def _set(gauge: Gauge, statuses: Iterable[str]) -> None:
    gauge.clear()
    for status, count in Count(statuses).items():
        gauge.labels(status).set(count)


class CountRequests:
    """ASGI middleware that counts and times requests by route, so that no address of a client becomes a label."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = time.perf_counter()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", OTHER_ROUTE)
                labels = scope["method"] if route != OTHER_ROUTE else "", route
                self._metrics.requests.labels(*labels, message["status"]).inc()
                self._metrics.seconds.labels(*labels).observe(time.perf_counter() - start)
            await send(message)

        await self._app(scope, receive, send_counted if scope["type"] == "http" else send)
