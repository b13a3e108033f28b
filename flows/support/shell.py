"""What a person can type to go on."""

from __future__ import annotations

import shlex


def command(name: str, *words: str, store: str) -> str:
    """A command of ours that a person can copy."""
    from diptych.settings import Settings

    usual = Settings.model_fields["store"].default
    return shlex.join(["diptych", name, *words, *(["--store", store] if store != usual else [])])
