"""What a ledger in a folder holds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from diptych.models.ledger import Ledger, LedgerCaption
from diptych.vectors import Vector


def ledger_captions(folder: Path) -> list[LedgerCaption]:
    ledger = Ledger(folder)
    with closing(sqlite3.connect(ledger.path)) as file:
        keys = [key for (key,) in file.execute("SELECT key FROM captions")]
    return list(ledger.captions(keys).values())


def ledger_vectors(folder: Path) -> dict[str, Vector]:
    with closing(sqlite3.connect(Ledger(folder).path)) as file:
        return {key: np.frombuffer(vector, "<f4") for key, vector in file.execute("SELECT key, vector FROM vectors")}
