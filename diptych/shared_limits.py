"""Limits on what several runs and machines share, beyond those of this process.

In one process, the setting `workers` bounds how many documents are read at once, and the settings of an endpoint how
many requests it gets. The class here adds nothing to that; flows pass one that asks a Prefect server.
"""

from contextlib import AbstractContextManager, nullcontext

from extractors.shared_programs import Program


class SharedLimits:
    """No limits. Thread-safe."""

    closed = False

    def close(self) -> None:
        """End all waiting; called when a run is stopped."""
        self.closed = True

    def using(self, program: Program) -> AbstractContextManager[object]:
        """Waits until a program may be used, and keeps its place during the block."""
        return nullcontext()

    def before_request(self, model: str) -> None:
        """Wait until a request to a paid model, such as `openai:gpt-…`, may be sent."""
