"""What every test can rely on: one Prefect server per session, in a home of its own, and a folder of real documents.

Fixtures that only a few files need are in modules of `tests.support`; importing one under its own name, as in
`from tests.support.anthropic_fixtures import vendor as vendor`, makes it a fixture of that file.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import certifi
import hypothesis
import pytest

from tests.support.papers import write_library
from tests.support.prefect_server import PrefectServer, wait_until_healthy

MEMORY = Path("/dev/shm")
"""Folder in memory. Stores and Prefect's database sync every write; on a disk the tests wait for that."""
MIN_FREE_MEMORY = 8 << 30

if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MIN_FREE_MEMORY:
    tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="diptych-tests-", dir=MEMORY)
    atexit.register(shutil.rmtree, tempfile.tempdir, ignore_errors=True)

PREFECT_HOME = Path(tempfile.mkdtemp(prefix="diptych-prefect-"))
END = "-----END CERTIFICATE-----\n"
SERVER, SERVER_HOME = pytest.StashKey[PrefectServer](), pytest.StashKey[Path]()
LONGEST_FILES = (
    "test_in_browser.py", "test_minilm.py", "test_cli.py", "test_kills.py", "test_rendered_slides.py", "test_ocr.py",
    "test_deployments.py", "test_ingest_flows.py", "test_demo.py", "test_runners.py",
    "test_recorded_commands.py", "test_search_flows.py", "test_budget.py", "test_extractor.py", "test_confinement.py",
    "test_ingest_from_places.py", "test_ask.py", "test_bench.py", "test_maintenance_commands.py", "test_removals.py",
    "test_prefill.py", "test_hostile.py", "test_flow_settings.py", "test_recipes.py", "test_page_encoder.py",
    "test_server.py", "test_captions_over_http.py", "test_catalogue_search.py", "test_serve.py",
)  # fmt: skip
"""By seconds, longest first; but first six that do not wait until the Prefect server has started."""

hypothesis.settings.register_profile("tests", deadline=None, max_examples=50)  # the speed of the machine is no outcome
hypothesis.settings.load_profile("tests")
atexit.register(shutil.rmtree, PREFECT_HOME, ignore_errors=True)
atexit.register(setattr, sys, "unraisablehook", lambda _: None)  # connections of models that nobody closed
signal.signal(signal.SIGINT, signal.default_int_handler)  # programs inherit it; a shell ignores it in the background
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else every process that a test starts compiles all modules again
sys.dont_write_bytecode = False  # and pytest rewrites the assertions of all test modules again
gc.disable()  # until the tests are collected: modules are no garbage
# Prefect reads its environment when it is imported, which is before the first test.
for name in [name for name in os.environ if name.startswith(("PREFECT_", "DIPTYCH_")) or name.endswith("_BASE_URL")]:
    if not name.startswith("DIPTYCH_TEST_"):  # these configure the tests themselves
        del os.environ[name]
os.environ.update(
    PREFECT_HOME=str(PREFECT_HOME),
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_LOGGING_LEVEL="CRITICAL",
    PREFECT_LOGGING_INTERNAL_LEVEL="CRITICAL",
    PREFECT_API_REQUEST_TIMEOUT="300",  # never decides the outcome, however busy the machine
    DO_NOT_TRACK="1",
)


# Every client of a server loads the certificates that it trusts, hundreds of times in all. Here one of them is enough.
CERTIFICATE = PREFECT_HOME / "certificate.pem"
CERTIFICATE.write_text(Path(certifi.where()).read_text().partition(END)[0] + END)
os.environ["SSL_CERT_FILE"] = str(CERTIFICATE)


@pytest.fixture(scope="session", autouse=True)
def one_model() -> Iterator[None]:
    """Load MiniLM, which takes 0.2 s, once in a process. Tests of loading use a cache folder of their own."""
    from diptych.encoders.minilm import MiniLM
    from diptych.settings import Settings

    load, usual = MiniLM._load_model, Settings().cache
    shared = functools.cache(lambda package, precision: load(MiniLM(package, usual, precision=precision)))

    def load_once(encoder: MiniLM) -> Any:
        return shared(encoder._package, encoder.precision) if encoder._cache == usual else load(encoder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MiniLM, "_load_model", load_once)
        yield


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small documents: a leaflet (PDF), a photo, a catalogue of two products."""
    return write_library(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="session")
def prefect_server() -> str:
    """The URL of a running Prefect server, which records the flows of all tests."""
    url = os.environ["PREFECT_API_URL"]
    wait_until_healthy(url)
    return url


@pytest.fixture(scope="session")
def prefect_server_home(prefect_server: str, pytestconfig: pytest.Config) -> Path:
    """The folder of that server, with its database."""
    return pytestconfig.stash[SERVER_HOME]


@pytest.fixture(scope="session")
def built_models(pytestconfig: pytest.Config) -> Path:
    """A cache folder of MiniLM's graphs that all processes of a test run share."""
    folder = pytestconfig.stash[SERVER_HOME] / "models"
    folder.mkdir(exist_ok=True)
    return folder


def pytest_configure(config: pytest.Config) -> None:
    """Choose the URL of the server. It is set for the whole session: otherwise Prefect would start further servers."""
    given = getattr(config, "workerinput", {})
    if not given:
        config.stash[SERVER] = PrefectServer(PREFECT_HOME)
    os.environ["PREFECT_API_URL"] = given["prefect_server"] if given else config.stash[SERVER].url
    config.stash[SERVER_HOME] = Path(given["prefect_home"]) if given else PREFECT_HOME


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """With pytest-xdist, the controller starts one server for all workers, while they collect the tests."""
    server = node.config.stash[SERVER]
    server.start()
    node.workerinput.update(prefect_server=server.url, prefect_home=str(PREFECT_HOME))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With pytest-xdist, run the longest files first, so that all workers end at about the same time."""
    if hasattr(config, "workerinput"):
        ranks = {name: rank for rank, name in enumerate(LONGEST_FILES)}
        items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the server, which takes 10 s, while the first tests run, if any test needs it."""
    gc.freeze()  # what was imported is not searched for garbage again
    gc.enable()
    if SERVER in session.config.stash and any(
        "prefect_server" in getattr(i, "fixturenames", ()) for i in session.items
    ):
        session.config.stash[SERVER].start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """After every file, collect garbage and return free memory to the system.

    What is left was imported or is cached, and is not searched again: that would take 0.1 s for every file.
    """
    result = yield
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()
        with suppress(AttributeError):  # glibc has it
            ctypes.CDLL(None).malloc_trim(0)
    return result


def pytest_unconfigure(config: pytest.Config) -> None:
    if SERVER in config.stash:
        config.stash[SERVER].stop()
    gc.freeze()  # pytest searches for garbage several times at its end, which would take seconds
