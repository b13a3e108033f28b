"""What is kept and who is asked: the engine, the store, the cache, Prefect's server."""

from __future__ import annotations

import os
import shutil
import tempfile
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from diptych.doctor import check as finding
from diptych.doctor.check import Check, version
from diptych.settings import Settings
from diptych.store.disk_space import RESERVE_TO_START

LOW_DISK, NO_DISK = 1 << 30, RESERVE_TO_START
"""Bytes free below which a disk is called low, and useless."""


def engine(settings: Settings) -> Check:
    """Open, close and drop a store like the user's, in a temporary folder."""
    from diptych.store.open import open_store
    from diptych.store.types import text_shapes

    with tempfile.TemporaryDirectory(prefix="diptych-doctor-") as folder:
        open_store(settings.model_copy(update={"store": folder}), text_shapes(4)).close()
    return Check("qdrant-edge", "ok", f"{version('qdrant-edge-py')} opens a store")


def prefect(settings: Settings) -> Check:
    name = "Prefect server"
    url = os.environ.get("PREFECT_API_URL") or _profile_url()
    if not url:
        return Check(name, "ok", "none named: flow runs start a temporary one; PREFECT_API_URL names another")
    if _answers(f"{url.rstrip('/')}/health"):
        return Check(name, "ok", f"{shown(url)} answers")
    cost = "flow runs and `backfill` fail; extract, ingest and query work"
    return Check(name, "broken", f"{shown(url)} does not answer", cost, "prefect server start")


def store(settings: Settings) -> Check:
    if "://" not in settings.store:
        return _folder("store", Path(settings.store), "nothing can be kept", "DIPTYCH_STORE")
    if _answers(settings.store):
        return Check("store", "ok", f"{shown(settings.store)} answers")
    mend = "docker run -d -p 6333:6333 qdrant/qdrant"
    return Check("store", "broken", f"{shown(settings.store)} does not answer", "nothing can be kept or found", mend)


def cache(settings: Settings) -> Check:
    return _folder("cache", settings.cache, "no model can be built or fetched", "DIPTYCH_CACHE")


def _folder(name: str, folder: Path, cost: str, setting: str) -> Check:
    """Whether it, or the nearest folder above that exists, can be written; and the space left there."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        return Check(name, "broken", f"{place} is not a folder", cost, f"export {setting}=FOLDER")
    if not os.access(place, os.W_OK | os.X_OK):
        return Check(name, "broken", f"{place} cannot be written", cost, f"sudo chown -R {os.getuid()} {place}")
    free = shutil.disk_usage(place).free
    what = f"{folder}, {free / (1 << 30):.1f} GiB free"
    if free < LOW_DISK:
        lost = cost if free < NO_DISK else "large ingests will not fit"
        return Check(name, "broken" if free < NO_DISK else "missing", what, lost, f"df -h {place}")
    return Check(name, "ok", what)


def _profile_url() -> str:
    """The server of Prefect's active profile; Prefect itself takes seconds to import."""
    home = Path(os.environ.get("PREFECT_HOME", Path.home() / ".prefect"))
    try:
        profiles = tomllib.loads((home / "profiles.toml").read_text())
        name = os.environ.get("PREFECT_PROFILE") or profiles["active"]
        return str(profiles["profiles"][name].get("PREFECT_API_URL", ""))
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return ""


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=finding.PATIENCE):
            return True
    except urllib.error.HTTPError:
        return True  # it is there, and wants a key
    except (OSError, ValueError):
        return False


def shown(url: str) -> str:
    """Without a user's name and password."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
