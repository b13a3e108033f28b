"""Exit codes of the `diptych` command. Scripts depend on them."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    COMPLETE = 0
    ERROR = 1
    USAGE = 2
    """Returned by click for wrong arguments."""
    PARTIAL = 3
    """Some documents are partial, wait for a larger budget, or wait to be deleted."""
    FAILED = 4
    """Some documents failed."""
    BELOW_GATE = 5
    """An evaluation is below its gate."""
    INTERRUPTED = 130
