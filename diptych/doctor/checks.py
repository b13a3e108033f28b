"""What this machine has, what it lacks, what that costs, and which command mends it.

Nothing here changes anything: the engine is tried in a temporary folder, servers are only asked whether they are there,
no model is fetched or asked, and of secrets only their presence is told.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from diptych.doctor import models, programs
from diptych.doctor import storage as places
from diptych.doctor.check import Check, State
from diptych.settings import Settings

__all__ = ["CHECKS", "Check", "State", "check"]

CHECKS: tuple[Callable[[Settings], Check], ...] = (
    programs.python,
    programs.packages,
    programs.poppler,
    programs.libreoffice,
    programs.tesseract,
    models.encoder,
    models.image_encoder,
    models.captioner,
    models.answerer,
    places.engine,
    places.prefect,
    places.store,
    places.cache,
)


def check(settings: Settings) -> list[Check]:
    """Look over everything at once; takes a second or two, in a fixed order."""
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        return list(pool.map(lambda one: _guarded(one, settings), CHECKS))


def _guarded(one: Callable[[Settings], Check], settings: Settings) -> Check:
    try:
        return one(settings)
    except Exception as error:  # a doctor that dies of what it finds helps nobody
        name = one.__name__.replace("_", " ")
        return Check(name, "broken", f"{type(error).__name__}: {error}", "could not be checked")
