"""What is installed: Python, its packages, and the programs that extraction calls."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from diptych.doctor import check as finding
from diptych.doctor.check import Check, version
from diptych.settings import Settings


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
        held = version(wanted.name)
        if held is None or not wanted.specifier.contains(held, prereleases=True):
            wrong.append(wanted)
            found.append(f"{wanted.name} {held or 'not installed'}, wanted {wanted.specifier}")
    if wrong:
        mend = f"{sys.executable} -m pip install {' '.join(repr(str(one)) for one in wrong)}"
        return Check(name, "broken", "; ".join(found), "imports or the Prefect server may fail", mend)
    return Check(name, "ok", f"prefect {version('prefect')} with fastapi {version('fastapi')}, and all the others")


def poppler(settings: Settings) -> Check:
    cost = "pages that MuPDF cannot draw are lost"
    return _program("poppler", "pdftoppm", ["-v"], cost, _install("poppler-utils", "poppler"))


def libreoffice(settings: Settings) -> Check:
    from extractors.slides.libreoffice import find_libreoffice

    cost = "slides give their native text only, no images; PPT and ODP files cannot be read"
    mend = _install("libreoffice-impress", "--cask libreoffice")
    program = find_libreoffice()
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


def _program(name: str, program: str, ask: list[str], cost: str, mend: str) -> Check:
    path = shutil.which(program)
    if path is None:
        return Check(name, "missing", f"{program} is not installed", cost, mend)
    answer = _output([path, *ask])
    if answer is None:
        return Check(name, "ok", f"{path}, which did not tell its version within {finding.PATIENCE:.0f} s")
    told = re.search(r"\d+(\.\d+)+", answer)
    if told is None:
        said = next(iter(answer.splitlines()), "nothing")
        return Check(name, "missing", f"{path} does not start and says: {said[:200]}", cost, mend)
    return Check(name, "ok", told[0])


def _output(command: list[str]) -> str | None:
    """What a program says on both channels; None when it takes too long."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=finding.PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return None
    except OSError as error:
        return str(error)
    return done.stdout + done.stderr


def _debian_language(code: str) -> str:
    return f"tesseract-ocr-{code.lower().replace('_', '-')}"


def _install(debian: str, brew: str) -> str:
    return f"brew install {brew}" if sys.platform == "darwin" else f"sudo apt-get install -y {debian}"
