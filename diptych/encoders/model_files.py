"""The files of a model that runs here: where they lie, how they are fetched, and what they hash to.

A model's files lie as its repository on Hugging Face has them, in MODELS/ORGANISATION/NAME (the setting `models`), or
below the cache folder, where they are fetched to. Nothing here knows what is in them.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from diptych.errors import ModelError

PATIENCE = 5.0
"""Seconds that the hub has to answer before a download is not even begun."""
OPTIONAL = ("config.json", "special_tokens_map.json")
"""Small files that not every repository has."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Files of one repository that one model needs."""

    repository: str
    """ORGANISATION/NAME."""
    files: tuple[str, ...]
    """Needed, relative to the repository."""
    megabytes: int
    """Of the largest of them, about."""
    models: Path | None
    cache: Path

    @property
    def home(self) -> Path:
        """Where the user puts them."""
        return self.root / self.repository

    @property
    def fetched(self) -> Path:
        """Where a download puts them."""
        return self.cache / "models" / self.repository

    def place(self) -> Path | None:
        """The folder that has them all; None: there is none yet.

        Raises `ModelError` when the user's own folder is there and lacks some: nothing is fetched behind his back.
        """
        if self.models and self.home.is_dir() and (lacking := self._lacking(self.home)):
            raise ModelError(f"{self.home}: without {', '.join(lacking)}; copy the rest of {self.repository} there")
        cached = f"models--{self.repository.replace('/', '--')}/snapshots/*"  # a Hugging Face cache, copied whole
        folders = [self.home, *sorted(self.models.glob(cached))] if self.models else []
        return next((folder for folder in (*folders, self.fetched) if not self._lacking(folder)), None)

    def folder(self) -> Path:
        """`place`, fetched when it is not there. Raises `ModelError`, within seconds, when it cannot be had."""
        place = self.place()
        if place is None:
            place = self._download()
        return place

    def how(self) -> str:
        """The command that gets the files."""
        chosen = " ".join(f'--include "{name}"' for name in ("*.json", *self._large))
        return f"hf download {self.repository} {chosen} --local-dir {self.home}"

    @property
    def root(self) -> Path:
        """The model folder that the user sets."""
        return self.models or Path("models")

    def unreachable(self) -> str:
        """Why nothing can be fetched, in a few words; empty when the hub answers, whatever it says."""
        host = _host()
        reason = _silent(f"{host}/{self.repository}/resolve/main/{self.files[0]}")
        return reason and f"{host} {reason}"

    def digest(self) -> str:
        """SHA-256 over all files that a vector depends on. Those hashed once are not read again while unchanged."""
        folder = self.folder()
        names = sorted({*self.files, *(name for name in OPTIONAL if (folder / name).is_file())})
        notes = self.cache / "models" / f"{self.repository.replace('/', '--')}.sha256.json"
        try:
            known = _noted(notes)
            found = {str((folder / name).absolute()): _hashed(folder / name, known) for name in names}
        except OSError as error:
            raise ModelError(f"{error.filename}: {error.strerror}; copy it again from {self.repository}") from error
        if any(known.get(path) != note for path, note in found.items()):
            _write(notes, known | found)
        whole = [(name, sha256) for name, (_, _, sha256) in zip(names, found.values(), strict=True)]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()

    @property
    def _large(self) -> list[str]:
        return [name for name in self.files if not name.endswith(".json")]

    def _lacking(self, folder: Path) -> list[str]:
        return [name for name in self.files if not (folder / name).is_file()]

    def _download(self) -> Path:
        if reason := self.unreachable():
            raise self._not_had(reason)
        from huggingface_hub import snapshot_download

        host = _host()
        try:
            snapshot_download(
                self.repository, local_dir=self.fetched, allow_patterns=[*self.files, *OPTIONAL], endpoint=host
            )
        except Exception as error:  # of huggingface_hub, of its HTTP library, of the disk: no common root
            raise self._not_had(f"{host} gave {type(error).__name__}: {_line(error)}") from error
        if lacking := self._lacking(self.fetched):
            raise self._not_had(f"{host} has no {', '.join(lacking)}, or broke off")
        return self.fetched

    def _not_had(self, reason: str) -> ModelError:
        return ModelError(
            f"the model {self.repository} ({self.megabytes} MB) is neither in {self.home} nor fetched, and {reason}; "
            f"where the hub can be reached run `{self.how()}`, copy {self.root} here and set "
            f"DIPTYCH_MODELS={self.root}"
        )


def _host() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def _silent(url: str) -> str:
    """What keeps the address from answering; empty when it does."""
    if os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in ("1", "TRUE", "YES", "ON"):
        return "is not asked while HF_HUB_OFFLINE is set"
    problem = [f"did not answer within {PATIENCE:.0f} s"]

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PATIENCE):
                problem[:] = [""]
        except urllib.error.HTTPError as error:
            error.close()
            problem[:] = [""]
        except (OSError, ValueError) as error:
            problem[:] = [f"cannot be reached ({_line(error)})"]

    # On a thread, because looking up a name knows no time limit.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return problem[0]


def _line(error: Exception) -> str:
    said = " ".join(str(error).split()).partition(" For more information")[0]
    return said[:200] or type(error).__name__


Note = tuple[int, int, str]
"""Bytes, time of change in ns, SHA-256."""


def _hashed(file: Path, known: dict[str, Note]) -> Note:
    status = file.stat()
    note = known.get(str(file.absolute()))
    if note and note[:2] == (status.st_size, status.st_mtime_ns):
        return note
    with file.open("rb") as content:
        return status.st_size, status.st_mtime_ns, hashlib.file_digest(content, "sha256").hexdigest()


def _noted(file: Path) -> dict[str, Note]:
    """Absolute path -> what was noted of it; empty when the notes are missing or damaged."""
    try:
        notes = json.loads(file.read_text(encoding="utf-8"))
        return {str(path): (int(size), int(time), str(sha256)) for path, (size, time, sha256) in notes.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(file: Path, notes: dict[str, Note]) -> None:
    """Where the cache cannot be written, files are hashed each time."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=file.parent, prefix=".draft-")
        with os.fdopen(handle, "w", encoding="utf-8") as text:
            json.dump(notes, text, indent=1)
        Path(draft).replace(file)
    except OSError:
        return
