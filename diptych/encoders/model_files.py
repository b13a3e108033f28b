"""The files of a local model: where they are, how they are downloaded, and their hash.

They are laid out as in the model's Hugging Face repository, in MODELS/ORGANISATION/NAME (the setting `models`), or
below the cache folder if they were downloaded.
"""

import hashlib
import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from diptych.errors import ModelError
from extractors.atomic_write import write_file

HUB_TIMEOUT = 5.0
"""Seconds the hub has to answer before a download is attempted."""
OPTIONAL = (
    "config.json",
    "special_tokens_map.json",
    "onnx/text_model.onnx_data",
    "onnx/vision_model.onnx_data",
    "onnx/model.onnx_data",
    "onnx/Constant_7_attr__value",  # of bge-m3
)
"""Files that not every repository has; the weights of models above 2 GB are in files of their own."""
_download_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of one Hugging Face repository that one model needs."""

    repository: str
    """ORGANISATION/NAME."""
    names: tuple[str, ...]
    """Required files, relative to the repository."""
    megabytes: int
    """Approximate size of the largest of them."""
    models: Path | None
    """The user's model folder."""
    cache: Path

    def __str__(self) -> str:
        return f"{self.repository} ({self.megabytes} MB)" if self.megabytes else self.repository

    @property
    def root(self) -> Path:
        """The user's model folder, or the one to suggest."""
        return self.models or Path("models")

    @property
    def user_folder(self) -> Path:
        return self.root / self.repository

    @property
    def download_folder(self) -> Path:
        return self.cache / "models" / self.repository

    @property
    def download_command(self) -> str:
        large = [name for name in self.names if not name.endswith(".json")]
        includes = " ".join(f'--include "{name}"' for name in ("*.json", *large))
        return f"hf download {self.repository} {includes} --local-dir {self.user_folder}"

    def find_folder(self) -> Path | None:
        """The folder that has all files, or None.

        Raises `ModelError` if the user's own folder lacks some of them: that is for the user to complete.
        """
        if self.models and self.user_folder.is_dir() and (missing := self._missing_in(self.user_folder)):
            raise ModelError(
                f"{self.user_folder}: {', '.join(missing)} missing; copy the rest of {self.repository} there"
            )
        snapshots = f"models--{self.repository.replace('/', '--')}/snapshots/*"  # a copy of a Hugging Face cache
        folders = [self.user_folder, *sorted(self.models.glob(snapshots))] if self.models else []
        return next((folder for folder in (*folders, self.download_folder) if not self._missing_in(folder)), None)

    def get_folder(self) -> Path:
        """The folder that has all files, downloaded if necessary. Raises `ModelError` within seconds if it fails."""
        with _download_lock:
            return self.find_folder() or self._download()

    @contextmanager
    def loaded(self) -> Iterator[Path]:
        """The folder of `get_folder`, for a block that loads a model from it. Raises `ModelError` for broken files."""
        folder = self.get_folder()
        try:
            yield folder
        except Exception as error:  # broken files raise anything in ONNX Runtime, tokenizers or json
            reason = " ".join(str(error).split())[:200]
            raise ModelError(f"{folder}: cannot be loaded ({reason}); copy {self.repository} there again") from error

    def get_file(self, name: str) -> Path:
        """A small file, downloaded by itself if the others are not there. Raises `ModelError`."""
        folder = self.find_folder() or self.download_folder
        with _download_lock:
            return (folder if (folder / name).is_file() else self._download((name,))) / name

    def read_json(self, name: str, default: dict[str, Any] | None = None) -> dict[str, Any]:
        """The content of a small file; `default` if the repository does not have it. Raises `ModelError`."""
        try:
            file = self.get_file(name)
        except ModelError:
            if default is None:
                raise
            return default
        try:
            return dict(json.loads(file.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(f"{file}: cannot be read ({error}); copy it again from {self.repository}") from error

    def explain_unreachable(self) -> str:
        """Why nothing can be downloaded; empty if the hub answers, whatever the answer."""
        host = _hub()
        if os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in ("1", "TRUE", "YES", "ON"):
            return f"{host} is not asked while HF_HUB_OFFLINE is set"
        reason = _probe(f"{host}/{self.repository}/resolve/main/{self.names[0]}")
        return reason and f"{host} {reason}"

    def digest(self) -> str:
        """SHA-256 over all files that vectors depend on. Unchanged files are not read again."""
        folder = self.get_folder()
        names = sorted({*self.names, *(name for name in OPTIONAL if (folder / name).is_file())})
        notes_file = self.cache / "models" / f"{self.repository.replace('/', '--')}.sha256.json"
        try:
            notes = _NOTES.validate_json(notes_file.read_bytes())
        except (OSError, ValueError):  # missing or damaged
            notes = {}
        try:
            current = {str((folder / name).absolute()): _hash_file(folder / name, notes) for name in names}
        except OSError as error:
            raise ModelError(f"{error.filename}: {error.strerror}; copy it again from {self.repository}") from error
        if any(notes.get(path) != note for path, note in current.items()):
            with suppress(OSError):  # without notes, files are hashed each time
                write_file(notes_file, json.dumps(notes | current, indent=1).encode())
        hashes = [(name, sha256) for name, (_, _, sha256) in zip(names, current.values(), strict=True)]
        return hashlib.sha256(json.dumps(hashes).encode()).hexdigest()

    def _missing_in(self, folder: Path, names: Sequence[str] = ()) -> list[str]:
        return [name for name in names or self.names if not (folder / name).is_file()]

    def _download(self, names: Sequence[str] = ()) -> Path:
        """Download `names`, by default all files."""
        if reason := self.explain_unreachable():
            raise self._download_error(reason)
        from huggingface_hub import snapshot_download

        host, wanted = _hub(), [*(names or (*self.names, *OPTIONAL))]
        try:
            snapshot_download(self.repository, local_dir=self.download_folder, allow_patterns=wanted, endpoint=host)
        except Exception as error:  # from huggingface_hub, its HTTP library or the disk, without a common base
            raise self._download_error(f"{host} failed with {type(error).__name__}: {_first_line(error)}") from error
        if missing := self._missing_in(self.download_folder, names):
            raise self._download_error(f"{host} did not deliver {', '.join(missing)}")
        return self.download_folder

    def _download_error(self, reason: str) -> ModelError:
        return ModelError(
            f"the model {self} is neither in {self.user_folder} nor downloaded, and "
            f"{reason}; on a machine that reaches the hub run `{self.download_command}`, copy {self.root} here and "
            f"set DIPTYCH_MODELS={self.root}"
        )


def _hub() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def _probe(url: str) -> str:
    """Why the address does not answer; empty if it does."""
    result = [f"did not answer within {HUB_TIMEOUT:.0f} s"]

    def send_head_request() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=HUB_TIMEOUT):
                result[:] = [""]
        except urllib.error.HTTPError as error:
            error.close()
            result[:] = [""]
        except (OSError, ValueError) as error:
            result[:] = [f"cannot be reached ({_first_line(error)})"]

    thread = threading.Thread(target=send_head_request, daemon=True)  # name resolution has no timeout of its own
    thread.start()
    thread.join(HUB_TIMEOUT)
    return result[0]


def _first_line(error: Exception) -> str:
    line = " ".join(str(error).split()).partition(" For more information")[0]
    return line[:200] or type(error).__name__


Note = tuple[int, int, str]
"""Size in bytes, modification time in ns, SHA-256."""
_NOTES = TypeAdapter(dict[str, Note])
"""Absolute path -> note."""


def _hash_file(file: Path, notes: dict[str, Note]) -> Note:
    status = file.stat()
    note = notes.get(str(file.absolute()))
    if note and note[:2] == (status.st_size, status.st_mtime_ns):
        return note
    with file.open("rb") as content:
        return status.st_size, status.st_mtime_ns, hashlib.file_digest(content, "sha256").hexdigest()
