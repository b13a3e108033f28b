"""LibreOffice as a converter: a process and a profile of its own, killed with its children on time-out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

from extractors.errors import ExtractionError

Kind = Literal["pdf", "pptx", "odp"]

_FILTERS: dict[Kind, str] = {
    # Hidden slides too: page n stays slide n.
    "pdf": 'pdf:impress_pdf_Export:{"ExportHiddenSlides":{"type":"boolean","value":"true"}}',
    "pptx": "pptx:Impress MS PowerPoint 2007 XML",
    "odp": "odp:impress8",
}
_START_SECONDS = 60.0
_DECK_SECONDS = 90.0
_SETTINGS = (
    ("Office.Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    # Linked pictures of a stranger's deck are not fetched; a proxy that is not there stops whatever else would ask.
    ("Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Inet/Settings", "ooInetProxyType", "2"),
    ("Inet/Settings", "ooInetNoProxy", ""),
    ("Inet/Settings", "ooInetHTTPProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetHTTPProxyPort", "9"),
    ("Inet/Settings", "ooInetHTTPSProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetHTTPSProxyPort", "9"),
    ("Setup/Office", "ooSetupInstCompleted", "true"),
)
MISSING = "LibreOffice is not installed (apt install libreoffice-impress, or brew install --cask libreoffice)"


@cache
def program() -> str | None:
    """The LibreOffice program, None where it is not installed."""
    places = ("soffice", "libreoffice", "/Applications/LibreOffice.app/Contents/MacOS/soffice")
    return next((found for place in places if (found := shutil.which(place))), None)


def convert(files: Sequence[Path], kind: Kind, folder: Path, seconds: float | None = None) -> list[Path | None]:
    """Convert office files to `kind` in one start of LibreOffice; None in the place of a file that it could not read.

    Results go to `folder`, named by their place in `files`, so that files of one name do not meet. Macros do not run
    and nothing is fetched. Raises `ExtractionError` when LibreOffice is missing or takes longer than `seconds` (by
    default a minute, and a minute and a half for each file).
    """
    office = program()
    if office is None:
        raise ExtractionError(MISSING)
    with tempfile.TemporaryDirectory(prefix="diptych-office-") as work:
        profile, drafts = Path(work, "profile"), Path(work, "in")
        drafts.mkdir()
        _write_profile(profile)
        links = []
        for number, file in enumerate(files):
            links.append(drafts / f"{number}{file.suffix.lower()}")
            links[-1].symlink_to(file.resolve())
        command = [
            office, "--headless", "--norestore", "--nolockcheck", "--nodefault", "--nologo",
            f"-env:UserInstallation={profile.as_uri()}", "--convert-to", _FILTERS[kind], "--outdir", str(folder),
            *map(str, links),
        ]  # fmt: skip
        _run(command, work, seconds or _START_SECONDS + _DECK_SECONDS * len(files))
    results = [folder / f"{link.stem}.{kind}" for link in links]
    return [result if result.exists() and result.stat().st_size else None for result in results]


def _run(command: Sequence[str], home: str, seconds: float) -> None:
    """Run in a session of its own, so that the whole family of processes can be ended together."""
    environment = {**os.environ, "HOME": home, "SAL_USE_VCLPLUGIN": "svp", "SAL_DISABLE_OPENCL": "1"}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment,
    ) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise ExtractionError(
                f"LibreOffice took longer than {seconds:.0f} s; opening the deck and saving it as PDF often helps"
            ) from error
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
