"""The base class of all errors, and the error of extractors. `diptych.errors` shows the whole hierarchy."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Of an `OSError`: the disk, the user's share of it, or the largest file allowed is full."""


class DiptychError(Exception):
    """Base class of errors that a user can act on: the message says what happened and what to do."""

    transient = False
    """True when trying again without changing anything may help."""


class ExtractionError(DiptychError):
    """A document that yields nothing: broken, encrypted, empty, or of an unknown format.

    The message names the file and, where there is one, the page.
    """

    def __init__(self, message: str, *, transient: bool = False, needs_action: bool = False) -> None:
        """`needs_action`: trying again only helps after a person has done something, such as adding a password."""
        super().__init__(message)
        self.transient, self.needs_action = transient, needs_action


class NoRows(ExtractionError):
    """A catalogue that is whole, but has no rows."""


class WorkerLost(ExtractionError):
    """A worker process was killed from outside or could not be started. Trying again soon may well succeed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, transient=True)


class WorkerStopped(ExtractionError):
    """A document, or a page of it, that took too long or too much memory, or crashed its worker process.

    Trying again with the same limits is unlikely to help.
    """

    def __init__(self, name: object, reason: str, page: int = 0) -> None:
        """`page`: on which it happened; 0: outside of pages."""
        super().__init__(f"{name}: page {page}: {reason}" if page else f"{name}: {reason}")
        self.reason, self.page = reason, page


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """Raise `ValueError` for a panic of a library written in Rust, which is not an `Exception`."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise ValueError(f"it stopped at a case it does not expect: {error}") from error
        raise


def error_summary(error: Exception) -> str:
    """Return the message of an error on one line, for use in another message."""
    return " ".join(str(error).split())[:200] or type(error).__name__
