"""Convert office files with LibreOffice, in a process and a profile of its own."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from extractors.containers import OLE, starts_with
from extractors.errors import ExtractionError
from extractors.shared_programs import using

CONVERSION_SECONDS = 150.0
"""Time limit of a conversion: a minute for a cold start, and 90 seconds for the largest decks measured."""
NOT_INSTALLED = (
    "LibreOffice is not installed (apt install libreoffice-impress libreoffice-writer, or "
    "brew install --cask libreoffice)"
)

_TEXTS = (".doc", ".docx", ".docm", ".dotx", ".odt", ".ott", ".rtf")
"""Suffixes of what Writer opens."""
_FILTERS = {
    # With hidden slides, so that page n remains slide n.
    "pdf": 'pdf:impress_pdf_Export:{"ExportHiddenSlides":{"type":"boolean","value":"true"}}',
    "docx": "docx:MS Word 2007 XML",
    "pptx": "pptx:Impress MS PowerPoint 2007 XML",
    "odp": "odp:impress8",
}
_SETTINGS = (
    ("Office.Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    # Linked pictures of an untrusted deck are not fetched; a proxy that does not exist stops any other request.
    ("Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Inet/Settings", "ooInetProxyType", "2"),
    ("Inet/Settings", "ooInetNoProxy", ""),
    ("Inet/Settings", "ooInetHTTPProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetHTTPProxyPort", "9"),
    ("Inet/Settings", "ooInetHTTPSProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetHTTPSProxyPort", "9"),
    ("Setup/Office", "ooSetupInstCompleted", "true"),
)


@cache
def find_libreoffice() -> str | None:
    """Return the path of the LibreOffice program, or None when it is not installed."""
    names = ("soffice", "libreoffice", "/Applications/LibreOffice.app/Contents/MacOS/soffice")
    return next((path for name in names if (path := shutil.which(name))), None)


def convert_file(file: Path, target_format: str, folder: Path) -> Path:
    """Convert an office file to `pdf`, `pptx`, `odp` or `docx`, and return the result, in `folder`.

    Macros do not run, and nothing is fetched from the network.
    Raises `ExtractionError` when LibreOffice is not installed, cannot read the file, or exceeds the time limit.
    """
    program = find_libreoffice()
    if program is None:
        raise ExtractionError(NOT_INSTALLED)
    with tempfile.TemporaryDirectory(prefix="diptych-office-") as home:
        profile = Path(home, "profile")
        _write_profile(profile)
        copy = Path(home, f"deck{file.suffix.lower()}")  # not a link: workers may make none
        shutil.copyfile(file, copy)
        command = [
            program, "--headless", "--norestore", "--nolockcheck", "--nodefault", "--nologo",
            f"-env:UserInstallation={profile.as_uri()}", *_input_filter(file),
            "--convert-to", _filter(file, target_format), "--outdir", str(folder), str(copy),
        ]  # fmt: skip
        with using("libreoffice"):
            _run(command, home)
    result = folder / f"deck.{target_format}"
    if not result.exists() or not result.stat().st_size:
        missing = " (it may lack Writer: apt install libreoffice-writer)" if file.suffix.lower() in _TEXTS else ""
        raise ExtractionError(f"LibreOffice cannot read it{missing}; save it as PDF")
    return result


def _input_filter(file: Path) -> list[str]:
    """How to read a PPT file; others are recognised. Writer would take a broken one for text."""
    is_slides = starts_with(file, OLE) and file.suffix.lower() not in _TEXTS
    return ["--infilter=MS PowerPoint 97"] if is_slides else []


def _filter(file: Path, target_format: str) -> str:
    is_text = file.suffix.lower() in _TEXTS
    return "pdf:writer_pdf_Export" if target_format == "pdf" and is_text else _FILTERS[target_format]


def _run(command: list[str], home: str) -> None:
    """Run a command in a session of its own, and kill all its processes at the end."""
    null = subprocess.DEVNULL
    environment = os.environ | {"HOME": home, "SAL_USE_VCLPLUGIN": "svp", "SAL_DISABLE_OPENCL": "1"}
    with subprocess.Popen(
        command, stdin=null, stdout=null, stderr=null, start_new_session=True, env=environment
    ) as process:
        try:
            process.wait(CONVERSION_SECONDS)
        except subprocess.TimeoutExpired as error:
            reason = f"LibreOffice took longer than {CONVERSION_SECONDS:.0f} s; save it as PDF"
            raise ExtractionError(reason) from error
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _write_profile(profile: Path) -> None:
    items = "".join(
        f'<item oor:path="/org.openoffice.{path}"><prop oor:name="{name}" oor:op="fuse">'
        f"<value>{value}</value></prop></item>"
        for path, name, value in _SETTINGS
    )
    target = profile / "user" / "registrymodifications.xcu"
    target.parent.mkdir(parents=True)
    target.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><oor:items xmlns:oor="http://openoffice.org/2001/registry" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"{items}</oor:items>",
        encoding="utf-8",
    )
