"""Keys that are kept as Secret blocks of Prefect, for runs whose environment does not hold them.

A block goes straight into the environment of this process, where the providers look: never into a parameter, a result,
a log or an artifact, all of which Prefect keeps in clear text.
"""

from __future__ import annotations

import os
from typing import Any, cast

from diptych.settings import Endpoint, Settings


def provide(settings: Settings) -> None:
    """Within a run: for each model that the settings name, its key's variable is filled from the block, if there is
    one and the variable is empty.

    A new secret in a block is met by the next process. Outside of a run nothing is looked for.
    """
    for name in wanted(settings):
        if not os.environ.get(name, "").strip() and (secret := _secret(block_name(name))):
            os.environ[name] = secret


def wanted(settings: Settings) -> list[str]:
    """The names under which the settings' models look for keys."""
    models = (settings.encoder, settings.image_encoder, settings.captioner, settings.answerer)
    sections = [getattr(settings, model.partition(":")[0], None) for model in models]
    return list(dict.fromkeys(one.key for one in sections if isinstance(one, Endpoint) and one.key))


def block_name(name: str) -> str:
    """`OPENAI_API_KEY` -> `openai-api-key`: blocks are named in small letters, with dashes."""
    return name.lower().replace("_", "-")


def _secret(name: str) -> str:
    """Empty: there is no such block. What a block holds that is no text is no key."""
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
