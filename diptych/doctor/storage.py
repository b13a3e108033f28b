"""Check what Diptych writes to and connects to: the engine, the store, the cache, Prefect's server."""

from __future__ import annotations

import os
import shutil
import tempfile
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from diptych.doctor.check import TIMEOUT, Check, installed_version
from diptych.settings import Settings
from diptych.store.disk_space import RESERVE_TO_START

LOW_DISK, FULL_DISK = 1 << 30, RESERVE_TO_START
"""Free bytes below which large ingests may not fit, and below which nothing can be stored."""


def check_engine(settings: Settings) -> Check:
    """Open and close a store with the user's settings in a temporary folder."""
    from diptych.store.open import open_store
    from diptych.store.types import text_shapes

    with tempfile.TemporaryDirectory(prefix="diptych-doctor-") as folder:
        open_store(settings.model_copy(update={"store": folder}), text_shapes(4)).close()
    return Check("qdrant-edge", "ok", f"{installed_version('qdrant-edge-py')} opens a store")


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
    if "://" not in settings.store:
        return _check_folder("store", Path(settings.store), cost, "DIPTYCH_STORE")
    url = hide_credentials(settings.store)
    if _answers(settings.store):
        return Check("store", "ok", f"{url} answers")
    return Check("store", "broken", f"{url} does not answer", cost, "docker run -d -p 6333:6333 qdrant/qdrant")


def check_cache(settings: Settings) -> Check:
    return _check_folder("cache", settings.cache, "no model can be built or downloaded", "DIPTYCH_CACHE")


def _check_folder(name: str, folder: Path, cost: str, setting: str) -> Check:
    """Whether the folder, or its nearest existing parent, is writable and has free space."""
    existing = folder.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        return Check(name, "broken", f"{existing} is not a folder", cost, f"export {setting}=FOLDER")
    if not os.access(existing, os.W_OK | os.X_OK):
        return Check(name, "broken", f"{existing} is not writable", cost, f"sudo chown -R {os.getuid()} {existing}")
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


def hide_credentials(url: str) -> str:
    """The URL without user name, password, query and fragment."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
