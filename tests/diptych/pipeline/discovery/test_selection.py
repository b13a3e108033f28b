"""Include and exclude patterns, `.diptychignore` files, and the names of what they skip."""

from __future__ import annotations

from pathlib import Path

import pytest

from diptych.errors import SourceError
from diptych.pipeline.discovery.selection import Selection
from diptych.pipeline.discovery.sources import find_sources


def write(folder: Path, **ignore_files: str) -> None:
    """A folder tree of five files, with the given `.diptychignore` files by folder (`top`, `a`, `b`)."""
    for name in ("top.pdf", "a/one.pdf", "a/two.png", "a/b/deep.pdf", "b/other.pdf"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    for place, text in ignore_files.items():
        (folder / ("" if place == "top" else place) / ".diptychignore").write_text(text)


def found(folder: Path, *paths: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> list[str]:
    sources = find_sources(paths or [folder], None, Selection(include, exclude)).sources
    return sorted(source.path.relative_to(folder).as_posix() for source in sources)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ("b/\n", ["a/one.pdf", "a/two.png", "top.pdf"]),
        ("/b/\n", ["a/b/deep.pdf", "a/one.pdf", "a/two.png", "top.pdf"]),
        ("# all but one\n*.pdf\n!one.pdf\n", ["a/one.pdf", "a/two.png"]),
        ("a/**/deep.pdf\n", ["a/one.pdf", "a/two.png", "b/other.pdf", "top.pdf"]),
    ],
)
def test_ignore_file_has_the_syntax_of_git(tmp_path: Path, patterns: str, expected: list[str]) -> None:
    write(tmp_path, top=patterns)
    assert found(tmp_path) == expected


def test_nearest_ignore_file_decides_and_those_above_the_path_apply(tmp_path: Path) -> None:
    write(tmp_path, top="*.pdf\n!top.pdf\n", a="!one.pdf\n")
    assert found(tmp_path) == ["a/one.pdf", "a/two.png", "top.pdf"]
    assert found(tmp_path, tmp_path / "a") == ["a/one.pdf", "a/two.png"]


def test_file_given_by_name_is_read_although_it_is_ignored(tmp_path: Path) -> None:
    write(tmp_path, top="*.pdf\n")
    assert found(tmp_path, tmp_path / "a/one.pdf") == ["a/one.pdf"]


def test_include_and_exclude_take_precedence(tmp_path: Path) -> None:
    write(tmp_path, top="top.pdf\n")
    assert found(tmp_path, include=("*.pdf",), exclude=("a/b/", "!top.pdf")) == ["a/one.pdf", "b/other.pdf", "top.pdf"]
    assert found(tmp_path, include=("a/",)) == ["a/b/deep.pdf", "a/one.pdf", "a/two.png"]
    given = (tmp_path / "a/one.pdf", tmp_path / "a/two.png")
    assert found(tmp_path, *given, exclude=("*.png",)) == ["a/one.pdf"]


def test_skipped_files_are_named_with_their_reason(tmp_path: Path) -> None:
    write(tmp_path, top="/b/\n\\\n")
    for number in range(7):
        (tmp_path / f"{number}.dwg").write_bytes(b"")
    result = find_sources([tmp_path], None, Selection(exclude=("*.png",)))
    ignore_file = tmp_path / ".diptychignore"
    first = ", ".join(f"{tmp_path}/{number}.dwg" for number in range(5))
    assert sorted(result.left_out) == sorted([
        f"{ignore_file}: '\\\\' is not a pattern of file names",
        f"{tmp_path}/b/: ignored by .diptychignore",
        f"{tmp_path}/a/two.png: matches an exclude pattern",
        f"{first} and 2 more: no extractor reads .dwg files",
    ])  # fmt: skip
    assert len(result.skipped) == 10


def test_wrong_pattern_of_an_option_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(SourceError, match=r"'!' is not a pattern .* `exclude`"):
        find_sources([tmp_path], None, Selection(exclude=("!",)))
