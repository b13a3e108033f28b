"""The names of all settings, to find and correct wrong ones."""

from collections.abc import Iterable, Iterator, Set
from difflib import get_close_matches

from pydantic import BaseModel

from diptych.endpoints import ROLES, Endpoint

PREFIX = "DIPTYCH_"
"""Of the environment variables."""
OTHER_VARIABLES = ("DIPTYCH_TRACE", "DIPTYCH_TOKEN", "DIPTYCH_WORKER", "DIPTYCH_TEST_")
"""Variables with our prefix, or their beginnings, that are not settings. Names ending in `_KEY` may hold keys."""


def section_names(settings: type[BaseModel]) -> set[str]:
    """Names of the settings that are sections or tables."""
    return {name for name, field in settings.model_fields.items() if isinstance(field.default, BaseModel | dict)}


def suggest_setting(name: str, settings: type[BaseModel], *, as_variable: bool = False) -> str:
    """`, perhaps …` with the most similar setting; empty if none is similar."""
    near = "".join(get_close_matches(name, list(_names(settings)), 1))
    shown = PREFIX + near.upper().replace(".", "__") if as_variable else near
    return f", perhaps `{shown}`" if near else ""


def find_unknown_variable(names: Iterable[str], secrets: Set[str], settings: type[BaseModel]) -> str:
    """A sentence about the first variable with our prefix that is neither a setting nor one of `secrets`, or empty."""
    for variable in sorted(names):
        name = variable.upper().removeprefix(PREFIX).lower()
        if not variable.upper().startswith(PREFIX) or variable in secrets or variable.endswith("_KEY"):
            continue
        section, nested, _ = name.partition("__")
        known = section in (section_names(settings) if nested else settings.model_fields)
        if not known and not variable.startswith(OTHER_VARIABLES):
            near = suggest_setting(name.replace("__", "."), settings, as_variable=True)
            return f"variable {variable}: no such setting{near}; unset it"
    return ""


def _names(settings: type[BaseModel]) -> Iterator[str]:
    """Names of all settings, those in sections as `openai.base_url`."""
    for name, field in settings.model_fields.items():
        yield name
        if isinstance(field.default, Endpoint):
            inner = type(field.default).model_fields
            yield from (f"{name}.{one}" for one in inner)
            yield from (f"{name}.{role}.{one}" for role in ROLES if role in inner for one in inner if one not in ROLES)
