"""Check what is installed on this machine, and the engine, folders and servers that Diptych works with."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from diptych.errors import SettingsError, StoreError
from diptych.models.object_ledger import FOLDER as LEDGER_FOLDER
from diptych.object_store import CHECK_NAME, hide_credentials
from diptych.picture_store import open_picture_store
from diptych.settings import MEMORY, Settings
from diptych.store.disk_space import RESERVE_TO_START, nearest_existing
from extractors.ocr.languages import AUTO, debian_packages, installed_languages
from extractors.sandbox.confinement import missing_protection
from extractors.slides.libreoffice import find_libreoffice
from extractors.temporary_folder import TemporaryFolder

TIMEOUT = 2.0
"""Seconds that a program or server has to answer."""
LOW_DISK, FULL_DISK = 1 << 30, RESERVE_TO_START
"""Free bytes below which large ingests may not fit, and below which nothing can be stored."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check."""

    name: str
    state: Literal["ok", "missing", "broken"]
    """`missing` limits what works; with `broken`, Diptych does not work as configured."""
    what: str
    """The version, or what is wrong."""
    cost: str = ""
    """What does not work; empty if everything does."""
    fix: str = ""
    """The exact command that fixes it; empty if nothing needs fixing."""


def check_python(settings: Settings) -> Check:
    return Check("Python", "ok", platform.python_version())


def check_packages(settings: Settings) -> Check:
    """Compare installed and required versions: Prefect's server, for one, starts only with some versions of FastAPI."""
    from packaging.requirements import Requirement

    name = "Python packages"
    unmet: dict[str, str] = {}
    for line in importlib.metadata.requires("diptych") or ():
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = _installed_version(requirement.name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            found = f"{requirement.name} {version or 'not installed'}, required {requirement.specifier}"
            unmet[str(requirement)] = found
    if unmet:
        fix = f"{sys.executable} -m pip install {' '.join(map(repr, unmet))}"
        return Check(name, "broken", "; ".join(unmet.values()), "imports or the Prefect server may fail", fix)
    prefect, fastapi = _installed_version("prefect"), _installed_version("fastapi")
    return Check(name, "ok", f"prefect {prefect} with fastapi {fastapi}, and all others")


def check_poppler(settings: Settings) -> Check:
    fix = _install_command("poppler-utils", "poppler")
    return _check_program("poppler", "pdftoppm", "-v", "pages that MuPDF cannot render are lost", fix)


def check_libreoffice(settings: Settings) -> Check:
    cost = "slides and text documents have no page images; PPT and DOC files cannot be read"
    fix = _install_command("libreoffice-impress libreoffice-writer", "--cask libreoffice")
    program = find_libreoffice()
    check = _check_program("LibreOffice", program or "soffice", "--version", cost, fix)
    folder = Path(program).resolve().parent if program else None
    # Debian packages Impress and Writer separately; without their libraries they convert nothing.
    for library, part in (("libsdlo.so", "Impress"), ("libswlo.so", "Writer")):
        if folder and (folder / "libmergedlo.so").exists() and not (folder / library).exists():
            return Check("LibreOffice", "missing", f"{check.what}, without {part}", cost, fix)
    return check


def check_tesseract(settings: Settings) -> Check:
    required = [language for language in settings.ocr_languages if language != AUTO]
    cost = "pages without text are read by RapidOCR, which is several times slower"
    fix = _install_command(f"tesseract-ocr {debian_packages(required)}".strip(), "tesseract tesseract-lang")
    check = _check_program("Tesseract", "tesseract", "--version", cost, fix)
    if check.state != "ok":
        return check
    languages = sorted(installed_languages())
    missing = [language for language in required if language not in languages]
    if missing:
        what = f"{check.what}, without {' '.join(missing)} (installed: {' '.join(languages) or 'none'})"
        fix = _install_command(debian_packages(missing), "tesseract-lang")
        return Check("Tesseract", "missing", what, f"pages in {' '.join(missing)} are not read by Tesseract", fix)
    return Check("Tesseract", "ok", f"{check.what}, languages {' '.join(languages)}")


def _check_program(name: str, program: str, version_option: str, cost: str, fix: str) -> Check:
    path = shutil.which(program)
    if path is None:
        return Check(name, "missing", f"{program} is not installed", cost, fix)
    output = _run([path, version_option])
    if output is None:
        return Check(name, "ok", f"{path}, which did not report its version within {TIMEOUT:.0f} s")
    if version := re.search(r"\d+(\.\d+)+", output):
        return Check(name, "ok", version[0])
    first_line = (output or "nothing").partition("\n")[0]
    return Check(name, "missing", f"{path} does not start: {first_line[:200]}", cost, fix)


def _run(command: list[str]) -> str | None:
    """Standard output and standard error of a command; None if it takes too long."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return None
    except OSError as error:
        return str(error)
    return done.stdout + done.stderr


def _install_command(debian: str, brew: str) -> str:
    return f"brew install {brew}" if sys.platform == "darwin" else f"sudo apt-get install -y {debian}"


def check_sandbox(settings: Settings) -> Check:
    """Whether the processes that open documents are kept from other files and the network."""
    name, missing = "sandbox", missing_protection()
    if not settings.confine_workers:
        cost = "a hostile document that takes over its worker can read your files and use the network"
        return Check(name, "missing", "workers are not confined (confine_workers)", cost, "unset confine_workers")
    if not missing:
        return Check(name, "ok", "workers read the folder of their document only, without network")
    fix = "use Linux 6.12 or newer with Landlock, or a container of its own" if sys.platform == "linux" else ""
    return Check(name, "missing", "; ".join(missing), "a hostile document may take over its worker and do this", fix)


def check_engine(settings: Settings) -> Check:
    """Open and close a store with the user's settings in a temporary folder."""
    from diptych.store.open import open_store
    from diptych.store.types import text_shapes

    with TemporaryFolder() as folder:
        open_store(settings.model_copy(update={"store": str(folder)}), lambda: text_shapes(4)).close()
    return Check("qdrant-edge", "ok", f"{_installed_version('qdrant-edge-py')} opens a store")


def check_prefect(settings: Settings) -> Check:
    name = "Prefect server"
    url = os.environ.get("PREFECT_API_URL") or _read_profile_url()
    if not url:
        return Check(name, "ok", "none set: flow runs start a temporary one; set PREFECT_API_URL to use another")
    if _answers(f"{url.rstrip('/')}/health"):
        return Check(name, "ok", f"{hide_credentials(url)} answers")
    cost = "flow runs and `backfill` fail; extract, ingest and query work"
    return Check(name, "broken", f"{hide_credentials(url)} does not answer", cost, "prefect server start")


def check_store(settings: Settings) -> Check:
    cost = "nothing can be stored or found"
    if settings.store == MEMORY:
        return Check("store", "ok", "in memory, for Python programs; commands and flows need a folder or a server")
    if "://" not in settings.store:
        return _check_folder("store", Path(settings.store), cost, "DIPTYCH_STORE")
    from diptych.store.server.store import server_version

    try:
        version = server_version(settings)
    except StoreError as error:
        return Check("store", "broken", str(error), cost, "docker run -d -p 6333:6333 qdrant/qdrant")
    return Check("store", "ok", f"{hide_credentials(settings.store)} runs Qdrant {version}")


def check_pictures(settings: Settings) -> Check:
    """Where pictures and paid answers are kept, and whether they can be written; a file written for this is deleted."""
    name, cost, place = "pictures", "pictures and paid answers cannot be stored", settings.picture_address
    if settings.store == MEMORY and not settings.pictures:
        return Check(name, "ok", "in memory, as the store")
    objects = open_picture_store(place, settings.cache, settings.picture_copy_mb).objects
    if objects is None:
        return _check_folder(name, Path(place), cost, "DIPTYCH_PICTURES")
    try:
        objects.check_writable()
        objects.delete([CHECK_NAME])
    except (SettingsError, StoreError) as error:
        fix = str(error).partition("`")[2].partition("`")[0] if isinstance(error, SettingsError) else ""
        return Check(name, "broken", str(error), cost, fix or f"export DIPTYCH_PICTURES=FOLDER, instead of {place}")
    return Check(name, "ok", f"{place} can be written, the ledger in {objects.child(LEDGER_FOLDER).url}")


def check_cache(settings: Settings) -> Check:
    return _check_folder("cache", settings.cache, "no model can be built or downloaded", "DIPTYCH_CACHE")


def _check_folder(name: str, folder: Path, cost: str, setting: str) -> Check:
    """Whether the folder, or its nearest existing parent, is writable and has free space."""
    existing = nearest_existing(folder)
    if not existing.is_dir():
        return Check(name, "broken", f"{existing} is not a folder", cost, f"export {setting}=FOLDER")
    if not os.access(existing, os.W_OK | os.X_OK):
        if os.statvfs(existing).f_flag & os.ST_RDONLY:
            return Check(name, "broken", f"{existing} is on a read-only disk", cost, f"export {setting}=FOLDER")
        is_owner = existing.stat().st_uid == os.getuid()
        fix = f"chmod u+rwx {existing}" if is_owner else f"sudo chown -R {os.getuid()} {existing}"
        return Check(name, "broken", f"{existing} is not writable", cost, fix)
    free = shutil.disk_usage(existing).free
    what, fix = f"{folder}, {free / (1 << 30):.1f} GiB free", f"df -h {existing}"
    if free < FULL_DISK:
        return Check(name, "broken", what, cost, fix)
    if free < LOW_DISK:
        return Check(name, "missing", what, "large ingests will not fit", fix)
    return Check(name, "ok", what)


def _read_profile_url() -> str:
    """The server of Prefect's active profile. Importing Prefect to ask it would take seconds."""
    home = Path(os.environ.get("PREFECT_HOME", Path.home() / ".prefect"))
    try:
        profiles = tomllib.loads((home / "profiles.toml").read_text())
        name = os.environ.get("PREFECT_PROFILE") or profiles["active"]
        return str(profiles["profiles"][name].get("PREFECT_API_URL", ""))
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return ""


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT):
            return True
    except urllib.error.HTTPError:
        return True  # a server that wants a key
    except (OSError, ValueError):
        return False


def _installed_version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
