"""The base class of all errors, and the error of extractors. `diptych.errors` shows the whole hierarchy."""


class DiptychError(Exception):
    """Base class of errors that a user can act on: the message says what happened and what to do."""

    transient = False
    """True when trying again without changing anything may help."""


class ExtractionError(DiptychError):
    """A document that yields nothing: broken, encrypted, empty, or of an unknown format.

    The message names the file and, where there is one, the page.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


def error_summary(error: Exception) -> str:
    """Return the message of an error on one line, for use in another message."""
    return " ".join(str(error).split())[:200] or type(error).__name__
