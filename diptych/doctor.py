"""What this machine has, what it lacks, what that costs, and which command mends it.

Nothing here changes anything: the engine is tried in a temporary folder, servers are only asked whether they are there,
and of secrets only their presence is told.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from diptych.errors import ModelError
from diptych.settings import Settings

State = Literal["ok", "missing", "broken"]

PATIENCE = 2.0
"""Seconds that a program or a server has to answer."""
LOW_DISK, NO_DISK = 1 << 30, 100 << 20
"""Bytes free below which a disk is called low, and useless."""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `missing` costs something, with `broken` nothing works."""

    name: str
    state: State
    what: str
    """The version, or what is wrong."""
    cost: str = ""
    """What is lost; empty when nothing is."""
    mend: str = ""
    """The exact command; empty when nothing is to be mended."""


def check(settings: Settings) -> list[Check]:
    """Look over everything at once; takes about a second, in a fixed order."""
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        return list(pool.map(lambda one: _guarded(one, settings), CHECKS))


def _guarded(one: Callable[[Settings], Check], settings: Settings) -> Check:
    try:
        return one(settings)
    except Exception as error:  # a doctor that dies of what it finds helps nobody
        name = one.__name__.replace("_", " ")
        return Check(name, "broken", f"{type(error).__name__}: {error}", "could not be checked")


def python(settings: Settings) -> Check:
    return Check("Python", "ok", platform.python_version())


def packages(settings: Settings) -> Check:
    """The installed packages against the versions asked for: Prefect's server, say, starts with some FastAPIs only."""
    from packaging.requirements import Requirement

    name = "Python packages"
    wrong: list[Requirement] = []
    found: list[str] = []
    for line in importlib.metadata.requires("diptych") or ():
        wanted = Requirement(line)
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        version = _version(wanted.name)
        if version is None or not wanted.specifier.contains(version, prereleases=True):
            wrong.append(wanted)
            found.append(f"{wanted.name} {version or 'not installed'}, wanted {wanted.specifier}")
    if wrong:
        mend = f"{sys.executable} -m pip install {' '.join(repr(str(one)) for one in wrong)}"
        return Check(name, "broken", "; ".join(found), "imports or the Prefect server may fail", mend)
    return Check(name, "ok", f"prefect {_version('prefect')} with fastapi {_version('fastapi')}, and all the others")


def poppler(settings: Settings) -> Check:
    cost = "pages that MuPDF cannot draw are lost"
    return _program("poppler", "pdftoppm", ["-v"], cost, _install("poppler-utils", "poppler"))


def libreoffice(settings: Settings) -> Check:
    from extractors.decks import office

    cost = "slides give their native text only, no images; PPT and ODP files cannot be read"
    mend = _install("libreoffice-impress", "--cask libreoffice")
    program = office.program()
    found = _program("LibreOffice", program or "soffice", ["--version"], cost, mend)
    folder = Path(program).resolve().parent if program else None
    # Debian packs Impress apart from the rest; without its library no deck is converted.
    if folder and (folder / "libmergedlo.so").exists() and not (folder / "libsdlo.so").exists():
        return Check("LibreOffice", "missing", f"{found.what}, without Impress", cost, mend)
    return found


def tesseract(settings: Settings) -> Check:
    wanted = [language for language in settings.ocr_languages.split("+") if language]
    cost = "pages without text are read by RapidOCR, several times slower"
    mend = _install(" ".join(["tesseract-ocr", *map(_debian_language, wanted)]), "tesseract tesseract-lang")
    found = _program("Tesseract", "tesseract", ["--version"], cost, mend)
    if found.state != "ok":
        return found
    languages = sorted((_output(["tesseract", "--list-langs"]) or "").splitlines()[1:])
    lacking = [language for language in wanted if language not in languages]
    if lacking:
        what = f"{found.what}, without {' '.join(lacking)} (installed: {' '.join(languages) or 'none'})"
        mend = _install(" ".join(map(_debian_language, lacking)), "tesseract-lang")
        return Check("Tesseract", "missing", what, f"pages in {' '.join(lacking)} are not read by Tesseract", mend)
    return Check("Tesseract", "ok", f"{found.what}, languages {' '.join(languages)}")


def encoder(settings: Settings) -> Check:
    from diptych.encoders import minilm

    name = "MiniLM"
    wanted = settings.encoder.partition(":")[0] == "minilm"
    precision = settings.encoder.partition(":")[2] if wanted else ""
    try:
        folder = minilm.folder()
        minilm.read_verified(folder / "model.safetensors", minilm.WEIGHTS_SHA256)
        minilm.read_verified(folder / "tokenizer.json", minilm.TOKENIZER_SHA256)
    except ModelError as error:
        what, _, command = str(error).partition("; run ")
        cost = "no text can be encoded" if wanted else "only other encoders can be used"
        return Check(name, "broken" if wanted else "missing", what, cost, command.strip("`"))
    file = minilm.cache_file(settings.cache, precision or "int8")
    built = f"built in {file}" if minilm.read_cached(file) else "built when first used (2 s)"
    return Check(name, "ok", f"weights {minilm.WEIGHTS_SHA256[:12]}…, {built}")


def engine(settings: Settings) -> Check:
    """Open, close and drop a store like the user's, in a temporary folder."""
    from diptych.index import of_texts, open_index

    with tempfile.TemporaryDirectory(prefix="diptych-doctor-") as folder:
        open_index(settings.model_copy(update={"store": folder}), of_texts(4)).close()
    return Check("qdrant-edge", "ok", f"{_version('qdrant-edge-py')} opens a store")


def prefect(settings: Settings) -> Check:
    name = "Prefect server"
    url = os.environ.get("PREFECT_API_URL") or _profile_url()
    if not url:
        return Check(name, "ok", "none named: flow runs start a temporary one; PREFECT_API_URL names another")
    if _answers(f"{url.rstrip('/')}/health"):
        return Check(name, "ok", f"{_shown(url)} answers")
    cost = "flow runs and `backfill` fail; extract, ingest and query work"
    return Check(name, "broken", f"{_shown(url)} does not answer", cost, "prefect server start")


def store(settings: Settings) -> Check:
    if "://" not in settings.store:
        return _folder("store", Path(settings.store), "nothing can be kept", "DIPTYCH_STORE")
    if _answers(settings.store):
        return Check("store", "ok", f"{_shown(settings.store)} answers")
    mend = "docker run -d -p 6333:6333 qdrant/qdrant"
    return Check("store", "broken", f"{_shown(settings.store)} does not answer", "nothing can be kept or found", mend)


def cache(settings: Settings) -> Check:
    return _folder("cache", settings.cache, "the text encoder cannot be built", "DIPTYCH_CACHE")


def openai_key(settings: Settings) -> Check:
    return _key("OPENAI_API_KEY", needed=settings.encoder.startswith("openai"))


def anthropic_key(settings: Settings) -> Check:
    return _key("ANTHROPIC_API_KEY", needed=False)


CHECKS = (
    python, packages, poppler, libreoffice, tesseract, encoder, engine, prefect, store, cache, openai_key,
    anthropic_key,
)  # fmt: skip


def _program(name: str, program: str, ask: list[str], cost: str, mend: str) -> Check:
    path = shutil.which(program)
    if path is None:
        return Check(name, "missing", f"{program} is not installed", cost, mend)
    answer = _output([path, *ask])
    if answer is None:
        return Check(name, "ok", f"{path}, which did not tell its version within {PATIENCE:.0f} s")
    version = re.search(r"\d+(\.\d+)+", answer)
    if version is None:
        said = next(iter(answer.splitlines()), "nothing")
        return Check(name, "missing", f"{path} does not start and says: {said[:200]}", cost, mend)
    return Check(name, "ok", version[0])


def _output(command: list[str]) -> str | None:
    """What a program says on both channels; None when it takes too long."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return None
    except OSError as error:
        return str(error)
    return done.stdout + done.stderr


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


def _key(variable: str, *, needed: bool) -> Check:
    if os.environ.get(variable):
        return Check(variable, "ok", "set")
    if needed:
        return Check(variable, "broken", "not set", "the encoder in the settings cannot work", f"export {variable}=…")
    return Check(variable, "ok", "not set, and nothing in the settings needs it")


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
        with urllib.request.urlopen(url, timeout=PATIENCE):
            return True
    except urllib.error.HTTPError:
        return True  # it is there, and wants a key
    except (OSError, ValueError):
        return False


def _shown(url: str) -> str:
    """Without a user's name and password."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _debian_language(code: str) -> str:
    return f"tesseract-ocr-{code.lower().replace('_', '-')}"


def _install(debian: str, brew: str) -> str:
    return f"brew install {brew}" if sys.platform == "darwin" else f"sudo apt-get install -y {debian}"
