"""The settings of a flow run: those configured, overridden by Variables and blocks of Prefect, and by parameters."""

from collections.abc import Sequence
from typing import Annotated, Any, cast

from prefect.context import FlowRunContext, TaskRunContext
from pydantic import BeforeValidator

from diptych import Settings
from diptych.errors import SettingsError
from diptych.settings import Runner, load_settings
from flows.deployment.store_block import DiptychStore

FormText = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
"""Type of a text that may be left empty; `str | None` would not be a plain field in the forms. None is empty, too."""
StoreChoice = DiptychStore | str | None
"""Type of the parameter `store` of the flows."""
STORE_VARIABLE, PATHS_VARIABLE = "diptych_store", "diptych_paths"
BLOCK_PREFIX = f"{DiptychStore._block_type_slug}/"


def flow_settings(
    store: StoreChoice,
    include: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    runner: Runner | None = None,
    pages: str | None = None,
) -> Settings:
    """The settings for a store: a block, `diptych-store/NAME`, a folder or a URL; if empty, the Variable's.

    Raises `SettingsError` for a block that does not exist or has a wrong setting.
    """
    chosen = store or cast(StoreChoice, read_variable(STORE_VARIABLE)) or None
    if isinstance(chosen, str) and chosen.startswith(BLOCK_PREFIX):
        chosen = _load_block(chosen.removeprefix(BLOCK_PREFIX))
    others: dict[str, Any] = {name: value for name, value in (("runner", runner), ("pages", pages)) if value}
    if isinstance(chosen, DiptychStore):
        return load_settings(None, include, exclude, {**chosen.overrides, **others})
    return load_settings(chosen, include, exclude, others)


def flow_paths(paths: Sequence[str] | None) -> list[str]:
    """The paths to ingest; if there are none, those of the Variable. Raises `SettingsError` without either."""
    found: Any = paths or read_variable(PATHS_VARIABLE)
    if not found:
        raise SettingsError(f"no paths: set the parameter `paths`, or the Variable `{PATHS_VARIABLE}` to a list")
    return [found] if isinstance(found, str) else [str(path) for path in found]


def store_reference(store: StoreChoice) -> str:
    """The parameter `store` as text, for other runs; empty: the default store."""
    if isinstance(store, DiptychStore):
        return f"{BLOCK_PREFIX}{store._block_document_name}" if store._block_document_name else store.store
    return store or ""


def read_variable(name: str) -> Any:
    """The value of a Prefect Variable; None outside a run, or without such a Variable."""
    from prefect.variables import Variable

    if not (FlowRunContext.get() or TaskRunContext.get()):
        return None
    return Variable.get(name, _sync=True)  # type: ignore[call-overload]


def _load_block(name: str) -> DiptychStore:
    try:
        return cast(DiptychStore, DiptychStore.load(name, _sync=True))  # type: ignore[call-arg]
    except ValueError as error:
        raise SettingsError(f"the block {BLOCK_PREFIX}{name} cannot be used: {error}") from error
