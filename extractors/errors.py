"""The root of every error, and the one that an extractor raises. The whole tree is drawn in `diptych.errors`."""

from __future__ import annotations


class DiptychError(Exception):
    """Anything that a user can be told in one sentence, with the way out.

    `transient` tells whether trying again, with nothing changed, can help.
    """

    transient = False


class ExtractionError(DiptychError):
    """A document that gives no parts at all: broken, encrypted, empty, of an unknown kind.

    The message names the file, the page where there is one, and the way out.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient
