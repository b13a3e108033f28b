"""Check what this machine has and lacks, what does not work therefore, and which command fixes it.

Checks change nothing: the engine is tried in a temporary folder, servers are only asked whether they answer, no model
is downloaded or called, and secrets are only tested for presence.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from diptych.doctor import machine, models
from diptych.doctor.machine import Check
from diptych.settings import Settings

CHECKS: tuple[Callable[[Settings], Check], ...] = (
    machine.check_python, machine.check_packages, machine.check_poppler, machine.check_libreoffice,
    machine.check_tesseract, machine.check_sandbox, models.check_formats, models.check_encoders, models.check_encoder,
    models.check_image_encoder, models.check_page_encoder, models.check_captioner, models.check_answerer,
    models.check_reranker, machine.check_engine, machine.check_prefect, machine.check_store, machine.check_pictures,
    machine.check_cache,
)  # fmt: skip


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
