"""Check what is installed: Python, its packages, and the programs that extraction calls."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from diptych.doctor.check import TIMEOUT, Check, installed_version
from diptych.settings import Settings
from extractors.slides.libreoffice import find_libreoffice


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
        version = installed_version(requirement.name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            found = f"{requirement.name} {version or 'not installed'}, required {requirement.specifier}"
            unmet[str(requirement)] = found
    if unmet:
        fix = f"{sys.executable} -m pip install {' '.join(map(repr, unmet))}"
        return Check(name, "broken", "; ".join(unmet.values()), "imports or the Prefect server may fail", fix)
    prefect, fastapi = installed_version("prefect"), installed_version("fastapi")
    return Check(name, "ok", f"prefect {prefect} with fastapi {fastapi}, and all others")


def check_poppler(settings: Settings) -> Check:
    fix = _install_command("poppler-utils", "poppler")
    return _check_program("poppler", "pdftoppm", "-v", "pages that MuPDF cannot render are lost", fix)


def check_libreoffice(settings: Settings) -> Check:
    cost = "slides are extracted as text without images; PPT files cannot be read"
    fix = _install_command("libreoffice-impress", "--cask libreoffice")
    program = find_libreoffice()
    check = _check_program("LibreOffice", program or "soffice", "--version", cost, fix)
    folder = Path(program).resolve().parent if program else None
    # Debian packages Impress separately; without its library no presentation is converted.
    if folder and (folder / "libmergedlo.so").exists() and not (folder / "libsdlo.so").exists():
        return Check("LibreOffice", "missing", f"{check.what}, without Impress", cost, fix)
    return check


def check_tesseract(settings: Settings) -> Check:
    required = [language for language in settings.ocr_languages.split("+") if language]
    cost = "pages without text are read by RapidOCR, which is several times slower"
    packages = ["tesseract-ocr", *map(_debian_package, required)]
    fix = _install_command(" ".join(packages), "tesseract tesseract-lang")
    check = _check_program("Tesseract", "tesseract", "--version", cost, fix)
    if check.state != "ok":
        return check
    languages = sorted((_run(["tesseract", "--list-langs"]) or "").splitlines()[1:])
    missing = [language for language in required if language not in languages]
    if missing:
        what = f"{check.what}, without {' '.join(missing)} (installed: {' '.join(languages) or 'none'})"
        fix = _install_command(" ".join(map(_debian_package, missing)), "tesseract-lang")
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
    first_line = next(iter(output.splitlines()), "nothing")
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


def _debian_package(language: str) -> str:
    return f"tesseract-ocr-{language.lower().replace('_', '-')}"


def _install_command(debian: str, brew: str) -> str:
    return f"brew install {brew}" if sys.platform == "darwin" else f"sudo apt-get install -y {debian}"
