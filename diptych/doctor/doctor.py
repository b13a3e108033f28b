"""Check what this machine has and lacks, what does not work therefore, and which command fixes it.

Checks change nothing: the engine is tried in a temporary folder, servers are only asked whether they answer, no model
is downloaded or called, and secrets are only tested for presence.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from diptych.doctor.check import Check
from diptych.doctor.extensions import check_encoders, check_formats
from diptych.doctor.models import check_answerer, check_captioner, check_encoder, check_image_encoder
from diptych.doctor.programs import check_libreoffice, check_packages, check_poppler, check_python, check_tesseract
from diptych.doctor.storage import check_cache, check_engine, check_prefect, check_store
from diptych.settings import Settings

CHECKS: tuple[Callable[[Settings], Check], ...] = (
    check_python,
    check_packages,
    check_poppler,
    check_libreoffice,
    check_tesseract,
    check_formats,
    check_encoders,
    check_encoder,
    check_image_encoder,
    check_captioner,
    check_answerer,
    check_engine,
    check_prefect,
    check_store,
    check_cache,
)


def run_checks(settings: Settings) -> list[Check]:
    """Run all checks concurrently, in a second or two. Their order is fixed."""
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        return list(pool.map(lambda check: _run_check(check, settings), CHECKS))


def _run_check(check: Callable[[Settings], Check], settings: Settings) -> Check:
    try:
        return check(settings)
    except Exception as error:  # one failing check must not hide the others
        name = check.__name__.removeprefix("check_").replace("_", " ")
        return Check(name, "broken", f"{type(error).__name__}: {error}", "could not be checked")
