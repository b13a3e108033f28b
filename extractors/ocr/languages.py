"""Which languages Tesseract reads: those that are set, or those that it finds itself.

Reading with six languages together takes about twice as long as with the right one and finds the same words; asking for
the script first takes as long as reading, and fails on short pages (docs/measurements/ocr.md). So the script is only
asked for where more languages are installed than can be used together.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from functools import cache
from os import environ
from typing import Any

AUTO = "auto"
TIMEOUT = 180  # seconds by the clock, of which a busy machine gives a process a part; a page takes one to ten
MAX_TOGETHER = 6
MIN_SCRIPT_CONFIDENCE = 2.0  # of Tesseract; 1.3 was a wrong guess for a short page, pages of text have 20 and more
COMMON = ("eng", "deu", "fra", "spa", "por", "ita", "nld", "pol", "rus", "chi_sim", "jpn", "ara")  # preferred ones
_SCRIPTS = {
    "Arabic": "ara fas kur_ara pus snd uig urd", "Armenian": "hye", "Bengali": "asm ben",
    "Cyrillic": "aze_cyrl bel bul kaz kir mkd mon rus srp tat tgk ukr uzb_cyrl", "Devanagari": "hin mar nep san",
    "Ethiopic": "amh tir", "Fraktur": "deu_latf frk deu", "Georgian": "kat kat_old", "Greek": "ell grc",
    "Gujarati": "guj", "Gurmukhi": "pan", "Han": "chi_sim chi_tra jpn", "Hangul": "kor", "Hebrew": "heb yid",
    "Japanese": "jpn", "Kannada": "kan", "Khmer": "khm", "Korean": "kor", "Lao": "lao", "Malayalam": "mal",
    "Myanmar": "mya", "Oriya": "ori", "Sinhala": "sin", "Tamil": "tam", "Telugu": "tel", "Thai": "tha",
    "Tibetan": "bod",
}  # fmt: skip
"""Script as Tesseract calls it -> languages; others are written in Latin letters."""
_NO_LANGUAGES = frozenset({"osd", "equ", "snum"})


def tesseract_problem(languages: str) -> str:
    """Return why Tesseract cannot read `languages`, with the command that installs what is missing, or ""."""
    if shutil.which("tesseract") is None:
        return "Tesseract is not installed (apt install tesseract-ocr, brew install tesseract)"
    installed = installed_languages()
    missing = [language for language in languages.split("+") if language not in installed]
    if languages == AUTO:
        missing = [] if installed - _NO_LANGUAGES else ["eng"]
    if not missing:
        return ""
    return (
        f"Tesseract has no data for the language {', '.join(map(repr, missing))} "
        f"(apt install {debian_packages(missing)}; installed: {', '.join(sorted(installed)) or 'none'})"
    )


def debian_packages(languages: Iterable[str]) -> str:
    """Return the names of the Debian packages with the data of languages."""
    return " ".join(f"tesseract-ocr-{language.lower().replace('_', '-')}" for language in languages)


def installed_languages() -> frozenset[str]:
    """Return the codes of the languages that Tesseract has data for, with `osd`; empty when it is not installed."""
    program = shutil.which("tesseract")
    return _list_languages(program, environ.get("TESSDATA_PREFIX", "")) if program else frozenset()


def chosen_languages(languages: str, find_script: Callable[[], tuple[str, float]]) -> str:
    """Return `languages`, or for `auto` those to read an image with, joined by `+`.

    `find_script` returns the script of the image and the confidence; it is called when there are too many languages.
    """
    if languages != AUTO:
        return languages
    candidates = _preferred(installed_languages() - _NO_LANGUAGES)
    if len(candidates) > MAX_TOGETHER:
        script, confidence = find_script()
        if confidence >= MIN_SCRIPT_CONFIDENCE:
            others = {one for name, codes in _SCRIPTS.items() if name != "Fraktur" for one in codes.split()}
            known = _SCRIPTS.get(script, "").split()
            candidates = [one for one in candidates if (one in known if known else one not in others)] or candidates
    return "+".join(candidates[:MAX_TOGETHER])


def _preferred(languages: Iterable[str]) -> list[str]:
    found = sorted(one for one in languages if not re.search(r"/|_vert$", one))  # scripts, and vertical variants
    return sorted(found, key=lambda one: COMMON.index(one) if one in COMMON else len(COMMON))


@cache
def _list_languages(program: str, tessdata: str) -> frozenset[str]:
    """Language codes with data in the folder `tessdata`, which Tesseract reads from the environment ("": its own)."""
    result = subprocess.run([program, "--list-langs"], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    return frozenset(result.stdout.split("\n")[1:]) - {""}


def split_languages(value: Any) -> Any:
    """Return the languages of a setting: a list, or a text such as `eng+deu`, `eng, deu` or JSON.

    Raises `ValueError` when there are none, or others beside `auto`.
    """
    languages = re.findall(r"[\w/]+", value) if isinstance(value, str) else value
    if not languages or (AUTO in languages and len(languages) > 1):
        raise ValueError('name languages such as "eng", "deu", or only "auto"')
    return languages
