"""The files under paths that may be documents: folders are walked without hidden files and files of our own."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from diptych.errors import SourceError
from diptych.pipeline.own_files import is_stored_picture, kind_of_own_folder
from diptych.pipeline.selection import Selection, SelectionRules
from diptych.pipeline.skipped_files import SkippedFile
from extractors.formats import describe_formats, failed_plugins, find_format


@dataclass(frozen=True, slots=True)
class ListedFile:
    path: Path
    name: str
    """Relative to the folder that was walked, or the file's own name."""
    walked: bool


def unknown_format(path: Path) -> SkippedFile:
    suffix = path.suffix.lower()
    kind = f"{suffix} files" if suffix else "files without a suffix"
    return SkippedFile(str(path), "; ".join((f"no extractor reads {kind}", *failed_plugins())))


def local_path_of(path: str | Path) -> Path:
    text = str(path)
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    if scheme and scheme != "file":
        raise SourceError(f"{text}: documents are read from files and folders; download it first and use its path")
    return Path(unquote(urlsplit(text).path)) if scheme else Path(text).expanduser()


def check_path(path: Path) -> None:
    """Raise `SourceError` for a path without anything to list."""
    try:
        if path.is_dir():
            if not any(path.iterdir()):
                raise SourceError(f"{path}: the folder is empty; put documents into it or name another")
        elif not path.is_file():
            raise SourceError(f"{path}: no such file or folder; check the path")
    except OSError as error:
        raise SourceError(str(unreadable(path, error))) from error


def list_files(path: Path, selection: Selection, skipped: list[SkippedFile], single: bool) -> Iterator[ListedFile]:
    """The files under one path. What is skipped is added to `skipped`, or raised if the path is the only one."""
    try:
        if path.is_dir():
            for file in _walk(path, SelectionRules(path, selection, skipped), skipped):
                yield ListedFile(file, file.relative_to(path).as_posix(), walked=True)
        elif reason := SelectionRules(path.parent, selection, skipped, ignore_files=False).why_skipped(path):
            skipped.append(SkippedFile(str(path), reason))
        elif find_format(path) is not None:
            yield ListedFile(path, path.name, walked=False)
        elif single:
            raise SourceError(f"{unknown_format(path)}; {describe_formats()}")
        else:
            skipped.append(unknown_format(path))
    except OSError as error:
        raise SourceError(str(unreadable(path, error))) from error


def _walk(folder: Path, rules: SelectionRules, skipped: list[SkippedFile]) -> Iterator[Path]:
    """The files below `folder` by name that `rules` select, without hidden files, lock files and link loops.

    Files that Diptych wrote are skipped too: otherwise a store beside its documents would ingest its own pictures.
    """
    seen: set[tuple[int, int]] = set()

    def skip(error: OSError) -> None:
        skipped.append(unreadable(error.filename, error))

    def is_selected(path: Path, *, is_folder: bool = False) -> bool:
        reason = rules.why_skipped(path, is_folder=is_folder)
        if reason:
            skipped.append(SkippedFile(f"{path}{'/' * is_folder}", reason))
        return not reason

    for root, folders, files in os.walk(folder, onerror=skip, followlinks=True):
        status = Path(root).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        kind = kind_of_own_folder(files, folders)
        if kind and Path(root) != folder:
            skipped.append(SkippedFile(str(Path(root)), f"is {kind} written by Diptych"))
            folders.clear()
            continue
        visible = sorted(name for name in folders if not name.startswith("."))
        folders[:] = [name for name in visible if is_selected(Path(root, name), is_folder=True)]
        for name in sorted(files):
            if name.startswith((".", "~$")) or is_stored_picture(Path(root).name, name):
                continue
            if is_selected(path := Path(root, name)):
                yield path


def unreadable(path: str | Path, error: OSError) -> SkippedFile:
    return SkippedFile(str(path), f"cannot be read ({error.strerror}); check its permissions")
