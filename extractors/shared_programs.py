"""Programs that machines may share a limit on: an extractor waits for its turn before it uses one.

Extractors run in worker processes, which know nothing of such limits: a worker asks the process that started it.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Literal, get_args

Program = Literal["libreoffice", "ocr"]
PROGRAMS: tuple[Program, ...] = get_args(Program)

UseProgram = Callable[[Program], AbstractContextManager[object]]
"""Waits until a program may be used, and keeps that place until the block ends."""


def without_limits(program: Program) -> AbstractContextManager[object]:
    return nullcontext()


_use: ContextVar[UseProgram] = ContextVar("use", default=without_limits)


def limit_programs(use: UseProgram) -> None:
    """Call `use` around every use of a program."""
    _use.set(use)


@contextmanager
def using(program: Program) -> Iterator[None]:
    """The block, or the decorated function, reads a page, a picture or a document with a program."""
    with _use.get()(program):
        yield
