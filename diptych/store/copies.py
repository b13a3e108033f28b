"""Documents with the same bytes, or with almost the same text.

The register keeps a fingerprint of the text of every document: the least hash values of its runs of five words, each in
one of 128 groups (MinHash with one permutation). The share of groups with equal values estimates the share of runs that
two documents have in common (Jaccard), with a standard deviation of at most .03 near the threshold.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from diptych.store.register import DocumentRecord

RUN = 5
"""Words of a run."""
MIN_RUNS = 100
"""Shorter documents are too easily alike, such as letters and forms; only those with the same bytes are copies."""
GROUPS = 128
MIN_SIMILARITY = 0.9
"""Of 116 real documents, no two different ones have more than .68 in common; with 1 % of the words changed, .9 remain.
What two copies do not both contain is found in any case. Measured, see docs/measurements/copies.md."""
BANDS = 16
"""Documents are compared if one of so many bands of their values is equal, as it is for practically all copies."""
_EMPTY = 0xFFFF


def text_fingerprint(texts: Iterable[str]) -> str:
    """The fingerprint of a document's passages; empty for a short one."""
    import numpy as np

    words = [word for text in texts for word in re.findall(r"\w+", text.casefold())]
    if len(words) < MIN_RUNS + RUN - 1:
        return ""
    numbers = {word: zlib.crc32(word.encode()) for word in set(words)}
    hashes = np.array([numbers[word] for word in words], np.uint64)
    runs = np.zeros(len(words) - RUN + 1, np.uint64)
    for place in range(RUN):
        runs = (runs ^ hashes[place : len(hashes) - RUN + 1 + place]) * np.uint64(0x9E3779B97F4A7C15)
        runs ^= runs >> np.uint64(29)
    runs = np.unique(runs)
    if len(runs) < MIN_RUNS:
        return ""
    values = np.full(GROUPS, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(values, (runs % np.uint64(GROUPS)).astype(np.intp), runs // np.uint64(GROUPS))
    short = np.where(values == np.iinfo(np.uint64).max, _EMPTY, values % np.uint64(_EMPTY)).astype("<u2")
    return base64.b64encode(short.tobytes()).decode()


def similarity(one: str, other: str) -> float:
    """The estimated share of runs of words that two documents have in common, from their fingerprints."""
    import numpy as np

    first, second = (np.frombuffer(base64.b64decode(text), "<u2") for text in (one, other))
    used = (first != _EMPTY) | (second != _EMPTY)
    return float(np.mean(first[used] == second[used])) if used.any() else 0.0


class CopyGroups:
    """Which documents are copies of each other. Grows as documents are added; adding one twice changes nothing."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._by_bytes: dict[str, str] = {}
        self._by_band: dict[tuple[int, bytes], list[tuple[str, str]]] = defaultdict(list)

    def add(self, records: Iterable[DocumentRecord]) -> None:
        for record in records:
            if record.id in self._parents or record.deleted or not record.generation:
                continue
            self._parents[record.id] = record.id
            if record.sha256:
                self._join(record.id, self._by_bytes.setdefault(record.sha256, record.id))
            if record.text_fingerprint:
                self._add_text(record.id, record.text_fingerprint)

    def group(self, document: str) -> str:
        """Equal for all copies of a document; the id of one of them."""
        while (parent := self._parents.get(document, document)) != document:
            document = parent
        return document

    def among(self, documents: Iterable[str]) -> dict[str, str]:
        """Id -> group, of those documents that have copies among them."""
        found = {document: self.group(document) for document in documents}
        sizes = Counter(found.values())
        return {document: group for document, group in found.items() if sizes[group] > 1}

    def _add_text(self, document: str, fingerprint: str) -> None:
        values = base64.b64decode(fingerprint)
        width = len(values) // BANDS
        for band in range(BANDS):
            known = self._by_band[band, values[band * width : (band + 1) * width]]
            for other, text in known:
                if self.group(other) != self.group(document) and similarity(text, fingerprint) >= MIN_SIMILARITY:
                    self._join(document, other)
            known.append((document, fingerprint))

    def _join(self, one: str, other: str) -> None:
        self._parents[self.group(one)] = self.group(other)


def find_copies(records: Sequence[DocumentRecord]) -> Mapping[str, DocumentRecord]:
    """Id of a copy -> the document of which it is reported as a copy: the one with the first address."""
    groups = CopyGroups()
    groups.add(records)
    firsts: dict[str, DocumentRecord] = {}
    for record in sorted(records, key=lambda record: record.uri):
        firsts.setdefault(groups.group(record.id), record)
    return {record.id: first for record in records if (first := firsts[groups.group(record.id)]).id != record.id}
