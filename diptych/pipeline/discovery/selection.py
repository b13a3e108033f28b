"""Which files below a folder are read: include and exclude patterns, and `.diptychignore` files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diptych.errors import SourceError
from diptych.pipeline.discovery.skipped_files import SkippedFile

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".diptychignore"


@dataclass(frozen=True, slots=True)
class Selection:
    """Patterns in the syntax of .gitignore, relative to each path that is read."""

    include: tuple[str, ...] = ()
    """Only files that match one of them are read; empty: all files."""
    exclude: tuple[str, ...] = ()
    """Files and folders to skip; they take precedence over `.diptychignore` files."""


class SelectionRules:
    """Decides which files and folders below `root` are skipped.

    `.diptychignore` files apply as git applies `.gitignore`, those of the folders above `root` included: in the nearest
    file with a matching pattern, the last matching pattern decides. `ignore_files`: whether they are read from disk.
    """

    def __init__(
        self,
        root: Path,
        selection: Selection,
        skipped: list[SkippedFile],
        *,
        ignore_files: bool = True,
        pattern: str = "",
    ) -> None:
        """`pattern`: that of the path that was given; see `is_meant`. Wrong lines of ignore files are added to
        `skipped`. Raises `SourceError` for a wrong option.
        """
        self._root, self._skipped, self._ignore_files = _absolute(root), skipped, ignore_files
        self._include = _parse(selection.include, _refuse) if selection.include else None
        self._exclude = _parse(selection.exclude, _refuse)
        self._pattern = _parse([pattern], _refuse) if pattern else None
        self._specs: dict[Path, GitIgnoreSpec | None] = {}

    def add_ignore_file(self, folder: Path, copy: Path) -> None:
        """Apply the ignore file of a folder in another place, from a copy on this machine."""
        self._specs[folder] = self._read(copy, folder / IGNORE_FILE)

    def is_meant(self, file: Path) -> bool:
        """Whether a file matches the pattern in the path that was given, if there is one."""
        return not self._pattern or self._pattern.match_file(_absolute(file).relative_to(self._root).as_posix())

    def why_skipped(self, path: Path, *, is_folder: bool = False) -> str:
        """The reason why a file or folder is skipped; empty if it is not."""
        path, end = _absolute(path), "/" * is_folder
        name = path.relative_to(self._root).as_posix()
        if self._include and not is_folder and not self._include.match_file(name):
            return "matches no include pattern"
        for folder, spec, reason in self._rules(path):
            excluded = spec.check_file(path.relative_to(folder).as_posix() + end).include
            if excluded is not None:
                return reason if excluded else ""
        return ""

    def _rules(self, path: Path) -> Iterator[tuple[Path, GitIgnoreSpec, str]]:
        """The patterns that apply to a path with their folder and reason, the strongest first."""
        yield self._root, self._exclude, "matches an exclude pattern"
        for folder in path.parents:
            if self._ignore_files and folder not in self._specs:
                self._specs[folder] = self._read(folder / IGNORE_FILE, folder / IGNORE_FILE)
            if spec := self._specs.get(folder):
                # Reasons are shown to clients of a server, who may not learn its folders.
                yield folder, spec, f"ignored by {os.path.relpath(folder / IGNORE_FILE, self._root)}"

    def _read(self, file: Path, named: Path) -> GitIgnoreSpec | None:
        def report(reason: str) -> None:
            self._skipped.append(SkippedFile(str(named), reason))

        try:
            return _parse(file.read_text("utf-8-sig", errors="replace").splitlines(), report)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            report(f"cannot be read ({error.strerror}); check its permissions")
            return None


def _parse(lines: Iterable[str], report: Callable[[str], None]) -> GitIgnoreSpec:
    """The patterns of some lines; `report` is called with a sentence for each line that is not a pattern."""
    from pathspec import GitIgnoreSpec

    valid = []
    for line in lines:
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            report(f"{line!r} is not a pattern of file names")
        else:
            valid.append(line)
    return GitIgnoreSpec.from_lines(valid)


def _refuse(reason: str) -> None:
    raise SourceError(f"{reason}; the options and settings `include` and `exclude` take those of .gitignore")


def _absolute(path: Path) -> Path:
    """With `..` removed, but links kept: a link is judged by its own name."""
    return Path(os.path.abspath(path))  # noqa: PTH100
