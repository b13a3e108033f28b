"""API keys stored as Secret blocks in Prefect, for runs whose environment does not hold them.

Keys go from the block into the environment of this process, where the model providers look for them. They must never
reach a parameter, result, log or artifact, all of which Prefect stores in clear text.
"""

from __future__ import annotations

import os
from typing import Any, cast

from diptych.settings import Endpoint, Settings


def load_api_keys(settings: Settings) -> None:
    """Within a flow or task run, fill the empty key variables of the configured models from their Secret blocks.

    A process that already has a key keeps it; a changed block takes effect in the next process.
    """
    for variable in key_variables(settings):
        if not os.environ.get(variable, "").strip() and (secret := _read_secret(block_name(variable))):
            os.environ[variable] = secret


def key_variables(settings: Settings) -> list[str]:
    """Environment variables from which the configured models read their keys."""
    models = (settings.encoder, settings.image_encoder, settings.captioner, settings.answerer)
    endpoints = [getattr(settings, model.partition(":")[0], None) for model in models]
    return list(dict.fromkeys(one.key for one in endpoints if isinstance(one, Endpoint) and one.key))


def block_name(variable: str) -> str:
    """`OPENAI_API_KEY` -> `openai-api-key`: Prefect's block names are lowercase, with dashes."""
    return variable.lower().replace("_", "-")


def _read_secret(name: str) -> str:
    """Empty outside a run, without such a block, or if the block does not hold a text."""
    from prefect.blocks.system import Secret
    from prefect.context import FlowRunContext, TaskRunContext

    if not (FlowRunContext.get() or TaskRunContext.get()):
        return ""
    try:
        block = cast("Secret[Any]", Secret.load(name, _sync=True))  # type: ignore[call-arg]
    except ValueError:
        return ""
    value = block.get()
    return value if isinstance(value, str) else ""
