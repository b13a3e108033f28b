"""Rounds of fuzzing: a mutated document is extracted as in an ingest, and the outcome is judged."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from extractors.errors import ExtractionError
from extractors.formats import find_format
from extractors.sandbox.sandbox import Sandbox
from extractors.types import Options, Source
from tests.fuzz.mutations import mutate

SLOW_SECONDS = 20.0
"""CPU-bound rounds above it are findings: the samples take less than a second."""
MAX_CORPUS = 400
"""Documents of a format that are kept because their outcome was new."""
_UNFORESEEN = re.compile(r"the extractor failed|crashed its worker|invalid reply|was stopped; raise|not enough memory")


@dataclass(frozen=True, slots=True)
class Outcome:
    message: str
    """The error, or the problems and sizes of the parts with all numbers left out; the same for similar outcomes."""
    finding: bool
    seconds: float


class Fuzzer:
    """Mutates samples; what yields a new outcome is mutated further."""

    def __init__(self, seeds: Mapping[str, list[bytes]], seed: int, folder: Path, sandbox: Sandbox) -> None:
        """`seeds`: documents by suffix. `folder`: for the documents while they are read."""
        self.outcomes: dict[str, int] = {}
        self.rounds = 0
        self._corpus = {suffix: list(documents) for suffix, documents in seeds.items()}
        self._random, self._folder, self._sandbox = Random(seed), folder, sandbox

    def round(self, suffix: str) -> tuple[bytes, Outcome]:
        """Mutate a document of this format and extract it."""
        documents = self._corpus[suffix]
        data = mutate(self._random.choice(documents), self._random)
        outcome = judge(data, suffix, self._folder, self._sandbox)
        key = f"{suffix}: {outcome.message}"
        if key not in self.outcomes and len(data) < 1 << 21:
            if len(documents) >= MAX_CORPUS:
                documents.pop(self._random.randrange(len(documents)))
            documents.append(data)
        self.outcomes[key] = self.outcomes.get(key, 0) + 1
        self.rounds += 1
        return data, outcome

    def run(self, rounds: int, report: Callable[[str, bytes, Outcome], None]) -> None:
        """Go through all formats in turn, and report findings: suffix, document, outcome."""
        suffixes = sorted(self._corpus)
        for number in range(rounds):
            suffix = suffixes[number % len(suffixes)]
            data, outcome = self.round(suffix)
            if outcome.finding:
                report(suffix, data, outcome)


def judge(data: bytes, suffix: str, folder: Path, sandbox: Sandbox) -> Outcome:
    """Extract or unpack a document. Expected are its parts, its problems, and errors that say what is wrong with it."""
    path, start = folder / f"fuzz{suffix}", time.monotonic()
    path.write_bytes(data)
    results = folder / "results"  # the same for all, so that one worker serves all
    results.mkdir(exist_ok=True)
    row = find_format(path)
    assert row
    try:
        if row.members == "only":
            for left in results.iterdir():
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            members = sandbox.unpack(path, path.name, results)
            message = " ".join(["members", *sorted(reason for _, reason in members.skipped)])
        else:
            source = Source(path, path.as_uri(), path.name, "0" * 64, "")
            found = sandbox.extract(source, Options(ocr="off"), results)
            problems = [one.reason for one in found.report.problems] + list(found.report.notes)
            sizes = (len(found.passages).bit_length(), len(found.pictures).bit_length())
            message = " ".join([f"parts {sizes}", *sorted(problems)])
    except ExtractionError as error:
        message = f"error {error}".replace(str(folder), "")
    except Exception as error:
        message = f"the extractor failed outside of its worker: {type(error).__name__}: {error}"
    seconds = time.monotonic() - start
    finding = bool(_UNFORESEEN.search(message)) or seconds > SLOW_SECONDS
    return Outcome(re.sub(r"\d+|0x[0-9a-f]+", "#", message)[:500], finding, seconds)
