"""Find the picture files that the rows of a catalogue name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from extractors.types import FileState


@dataclass(frozen=True, slots=True)
class PictureFiles:
    """Files that rows may show although they are not where the row says, seen from the catalogue's folder.

    A catalogue is not trusted: outside its folder it may only show what is ingested anyway.
    """

    ingested: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    """File name -> files in the folders that are ingested."""
    stored: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    """Address of a row -> the pictures that it has in the store."""
    elsewhere: Mapping[Path, FileState] = field(default_factory=dict)
    """The files of other places that were listed."""

    def has(self, file: Path) -> bool:
        """Return True when a file exists, here or in another place."""
        return file in self.elsewhere or file.is_file()


def file_state(path: Path, files: PictureFiles) -> FileState:
    """Return the size of a file and when it was changed, without a marker."""
    if path in files.elsewhere:
        return files.elsewhere[path]
    try:
        status = path.stat()
    except OSError:  # its reader reports it
        return FileState()
    return FileState(status.st_size, status.st_mtime)


def find_picture(catalog: Path, row: str, reference: str, files: PictureFiles) -> Path | str:
    """Return the file that a row names, or why there is none. `row` is the row's address.

    A path starts at the catalogue's folder, or else at a folder above it. A file may also be in a folder below.
    """
    try:
        folder = catalog.parent.resolve()
        relative = reference.replace("\\", "/")
        named = (folder / relative).resolve()
        if named.is_relative_to(folder) and files.has(named):
            return named
        found = _search(folder, relative, row, files)
    except (OSError, ValueError, RuntimeError):  # RuntimeError: a loop of links
        return f"{reference[:100]}: is not a file name; correct the row in {catalog.name}"
    if len(found) > 1:
        return f"{reference}: there are {len(found)} such files; write the path as seen from {catalog.name}"
    if found:
        return found[0]
    if named.is_relative_to(folder):
        return f"{reference}: there is no such file; correct the row in {catalog.name} or add the file"
    return f"{reference}: is outside the catalogue's folder; move it next to {catalog.name}, or ingest both folders"


def _search(folder: Path, relative: str, row: str, files: PictureFiles) -> list[Path]:
    ingested = files.ingested.get(Path(relative).name, ())
    for start in (folder, *folder.parents):
        if (file := (start / relative).resolve()) in ingested:
            return [file]
    ending = "/" + "/".join(part for part in PurePosixPath(relative).parts if part not in ("/", "..", "."))
    below = [file for file in ingested if file.is_relative_to(folder)]
    for candidates in (files.stored.get(row, ()), below):
        if found := [file for file in candidates if file.as_posix().endswith(ending) and files.has(file)]:
            return found
    return []
