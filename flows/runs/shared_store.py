"""One open `Diptych` per process and run, shared by a flow and its tasks; its API keys, and its use of paid models.

A Secret block in Prefect can hold an API key, for runs whose environment does not. Keys go from the block into the
settings of this run, never into the environment, which other runs and every child process would see. They must never
reach a parameter, result, log or artifact, all of which Prefect stores in clear text.
"""

from __future__ import annotations

import json
import random
import socket
import threading
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import SecretStr, TypeAdapter

from diptych import Diptych, Settings
from diptych.endpoints import ROLES
from diptych.errors import SettingsError
from diptych.models.meter import Account, Meter, format_usage
from diptych.settings import API_KEY_VARIABLE, load_settings
from flows.deployment.prefect_limits import shared_limits

RUN_SETTINGS = (
    "collections", "encoder", "image_encoder", "captioner", "caption_detail", "language", "vectors", "max_tokens",
    "page_images", "pages", "ocr", "ocr_languages", "dpi", "prices", "openai", "anthropic", "unified",
)  # fmt: skip
"""Settings that determine what is stored, and who pays how much, the same in all processes of a run.

They hold the names of keys, but no keys.
"""
PLACES_BLOCK = "diptych-places"
"""Secret block with the credentials of places: a JSON object like the setting `places`."""
T = TypeVar("T")
_PLACES = TypeAdapter(dict[str, dict[str, SecretStr]])
_shared: ContextVar[Diptych | None] = ContextVar("shared", default=None)


@contextmanager
def shared_diptych(settings: Settings, budget: float | None = None, in_processes: bool = False) -> Iterator[Diptych]:
    """The `Diptych` of an enclosing block with the same settings, else a new one that is closed with this block.

    `budget` is in US dollars. An enclosing `Diptych` is only reused if it has the same budget, which the block then
    shares; None accepts any. Prefect's task threads inherit the enclosing block. `in_processes`: tasks in other
    processes open their own, with `RunStore.opened`, and share the budget. Raises `SettingsError` for a new store in
    memory.
    """
    settings = _with_api_keys(settings)
    shared = _shared.get()
    if shared is not None and shared.settings == settings and budget in (None, shared.meter.budget):
        yield shared
        return
    run = uuid.uuid4().hex if in_processes else ""
    opened = Diptych.open(settings.require_persistent(), budget=budget, run=run, limits=shared_limits(settings))
    with opened as diptych, _sharing(diptych):
        yield diptych


@contextmanager
def _sharing(diptych: Diptych) -> Iterator[None]:
    token = _shared.set(diptych)
    try:
        yield
    finally:
        _shared.reset(token)


@dataclass(frozen=True, slots=True)
class RunStore:
    """The store of a run, for its tasks: small, without secrets, and the same in every process.

    A task in another process reads the other settings there, and opens the store once for all tasks of the run.
    """

    store: str
    pictures: str
    run: str
    """Name under which the processes of the run share its budget; empty if it has only one."""
    budget: float | None
    settings: str
    """The values of `RUN_SETTINGS`, as JSON."""

    @classmethod
    def of(cls, diptych: Diptych) -> RunStore:
        chosen = diptych.settings
        store = chosen.store if "://" in chosen.store else str(Path(chosen.store).absolute())
        settings = chosen.model_dump_json(include=set(RUN_SETTINGS))
        return cls(store, diptych.picture_address, diptych.run, diptych.meter.budget, settings)

    def work_order(self, items: Sequence[T]) -> list[T]:
        """The items, in random order if the store is on a server, where several workers may fill it at the same time.

        Two runs of the same folder would otherwise meet, and wait for each other, at every document.
        """
        return random.sample(items, len(items)) if "://" in self.store else list(items)

    @contextmanager
    def opened(self) -> Iterator[Diptych]:
        """The `Diptych` of the flow in its own process, else that of this process. Raises `SettingsError`."""
        shared = _shared.get()
        if shared is not None and RunStore.of(shared) == self:
            yield shared
            return
        with _of_process.using(self) as diptych, _sharing(diptych):
            yield diptych

    def open(self) -> Diptych:
        """Open it in a process that works for the run, with one worker process. Raises `SettingsError`."""
        chosen = {**json.loads(self.settings), "pictures": self.pictures, "workers": 1}
        settings = _with_api_keys(load_settings(self.store, others=chosen))
        diptych = Diptych.open(settings, budget=self.budget, run=self.run, limits=shared_limits(settings))
        if diptych.is_first_of_run:
            diptych.close()
            raise SettingsError(
                f"{self.pictures} on the worker {socket.gethostname()} is not the picture store of the run; set "
                "DIPTYCH_PICTURES to a folder that all machines share"
            )
        return diptych


class _ProcessStores:
    """The open stores of a process that works for runs of other processes. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[RunStore, Diptych] = {}
        self._users = Counter[RunStore]()

    @contextmanager
    def using(self, run: RunStore) -> Iterator[Diptych]:
        """Open it if necessary. It stays open for further tasks, until a task of another run needs this process."""
        with self._lock:
            for other in [one for one in self._open if one != run and not self._users[one]]:
                self._open.pop(other).close()
            if run not in self._open or self._open[run].closed:
                self._open[run] = run.open()
            diptych = self._open[run]
            self._users[run] += 1
        try:
            yield diptych
        finally:
            with self._lock:
                self._users[run] -= 1


_of_process = _ProcessStores()


class RunUsage:
    """Usage of paid models from the creation of this object on; the meter may have counted for an earlier run."""

    def __init__(self, meter: Meter) -> None:
        self._meter, self._before = meter, meter.usage()

    @property
    def lines(self) -> list[str]:
        """One line per model, for people."""
        return format_usage(self._meter, self._before)

    @property
    def numbers(self) -> dict[str, dict[str, Any]]:
        """Model -> requests, input_tokens, output_tokens, usd; usd is None if the price is unknown."""
        account = Account()
        for (model, _), usage in self._meter.usage(self._before).items():
            if usage.requests:
                price = self._meter.price(model)
                account.add(model, usage, price.cost(usage) if price else None)
        return {model: asdict(charge) for model, charge in account.charges.items()}


def _with_api_keys(settings: Settings) -> Settings:
    """The settings with keys from Secret blocks, within a flow or task run, for variables that are empty."""
    missing = [variable for variable in key_variables(settings) if not settings.secret(variable)]
    found = {variable: _read_secret(block_name(variable)) for variable in missing}
    keys = {variable: secret for variable, secret in found.items() if secret}
    settings = settings.with_keys(keys) if keys else settings
    stored = None if settings.places else _read_block(PLACES_BLOCK)
    if not stored:
        return settings
    try:
        places = _PLACES.validate_json(stored) if isinstance(stored, str) else _PLACES.validate_python(stored)
    except ValueError:  # whose message would repeat what the block holds
        raise SettingsError(f"the block {PLACES_BLOCK} does not hold JSON such as the setting `places`") from None
    return settings.model_copy(update={"places": places})


def key_variables(settings: Settings) -> list[str]:
    """Environment variables of the keys of the configured models, and of a store's server."""
    endpoints = map(settings.endpoint, ROLES)
    server = [API_KEY_VARIABLE] if "://" in settings.store else []
    return list(dict.fromkeys([*(one.key for one in endpoints if one and one.key), *server]))


def block_name(variable: str) -> str:
    """`OPENAI_API_KEY` -> `openai-api-key`: Prefect's block names are lowercase, with dashes."""
    return variable.lower().replace("_", "-")


def _read_secret(name: str) -> str:
    """Empty outside a run, without such a block, or if the block does not hold a text."""
    value = _read_block(name)
    return value if isinstance(value, str) else ""


def _read_block(name: str) -> Any:
    """The value of a Secret block; None outside a run, or without such a block."""
    from prefect.blocks.system import Secret
    from prefect.context import FlowRunContext, TaskRunContext

    if not (FlowRunContext.get() or TaskRunContext.get()):
        return None
    try:
        block = cast("Secret[Any]", Secret.load(name, _sync=True))  # type: ignore[call-arg]
    except ValueError:
        return None
    return block.get()
