"""Every locked package has a licence that may be combined with the AGPL, by its installed metadata."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

LOCK = Path(__file__).parents[1] / "requirements.lock"
COMPATIBLE = re.compile(
    r"(MIT(-0|-CMU)?|0BSD|(\d-Clause )?BSD(-\d-Clause)?|ISC|Zlib|CC0-1\.0|Unlicense|Public Domain|Apache([ -]2\.0)?"
    r"|Apache Software|PSF(-2\.0)?|Python Software Foundation|CNRI-Python|MPL-2\.0|Mozilla Public License 2\.0.*"
    r"|(?!.*GPL-2\.0-only).*(GPL|GNU).*)( License)?( \(ISCL)?",
    re.I,
)
"""One of them suffices where a package offers several. CNRI-Python is the licence of the module `re` of Python itself,
from which the package `regex` is made."""
NO_METADATA = {
    "axe-playwright-python": "MIT",
    "py-rust-stemmers": "MIT",
    "resvg-py": "MIT",
    "pymupdf4llm": "empty",
    "pymupdf-layout": "empty",
}
"""Packages without a licence in their metadata -> what their licence file says; `empty`: has no files."""


def locked_packages() -> list[str]:
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return [re.split(r"[=@ \[]", line)[0] for line in lines if line.strip() and not line.startswith(("#", "-"))]


def licences(package: Distribution) -> list[str]:
    """The alternatives of a package: `A AND B` is one of them, in the expression of SPDX `A OR B` two."""
    data = package.metadata
    if "License-Expression" in data:
        return data["License-Expression"].split(" OR ")
    classifiers = [line.split(" :: ")[-1] for line in data.get_all("Classifier") or [] if line.startswith("License ::")]
    return [*classifiers, *(data.get_all("License") or [""])[0].split("\n")[0].split(" OR ")]


def is_compatible(licence: str) -> bool:
    return all(COMPATIBLE.fullmatch(part.strip(" ()")) for part in re.split(r" AND | OR ", licence))


@pytest.mark.parametrize("licence", ["", "GPL-2.0-only", "Proprietary", "PolyForm Noncommercial", "MIT AND SSPL-1.0"])
def test_licence_that_is_not_compatible_is_refused(licence: str) -> None:
    assert not is_compatible(licence)


def test_licences_of_all_locked_packages_are_compatible_with_the_agpl() -> None:
    found = {name: licences(distribution(name)) for name in locked_packages()}
    assert len(found) > 200
    named = {name.lower().replace("_", "-"): alternatives for name, alternatives in found.items()}
    unknown = [name for name, alternatives in named.items() if not any(map(is_compatible, alternatives))]
    assert sorted(unknown) == sorted(NO_METADATA)
    for name, licence in NO_METADATA.items():
        files = [file for file in distribution(name).files or () if ".dist-info" not in str(file)]
        texts = [str(file.read_text()) for file in distribution(name).files or () if "LICENSE" in str(file)]
        assert not files if licence == "empty" else any("free of charge" in text for text in texts)
