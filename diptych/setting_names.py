"""The names of all settings, to suggest one for a name that is none."""

from collections.abc import Iterator
from difflib import get_close_matches

from pydantic import BaseModel

from diptych.endpoints import ROLES, Endpoint


def section_names(settings: type[BaseModel]) -> set[str]:
    """Names of the settings that are sections or tables."""
    return {name for name, field in settings.model_fields.items() if isinstance(field.default, BaseModel | dict)}


def suggest_setting(name: str, settings: type[BaseModel], prefix: str = "") -> str:
    """`, perhaps …` with the most similar setting; empty if none is similar. `prefix`: show it as a variable."""
    near = get_close_matches(name, list(_names(settings)), 1)
    shown = prefix + near[0].upper().replace(".", "__") if near and prefix else "".join(near)
    return f", perhaps `{shown}`" if near else ""


def _names(settings: type[BaseModel]) -> Iterator[str]:
    """Names of all settings, those in sections as `openai.base_url`."""
    for name, field in settings.model_fields.items():
        yield name
        if isinstance(field.default, Endpoint):
            inner = type(field.default).model_fields
            yield from (f"{name}.{one}" for one in inner)
            yield from (f"{name}.{role}.{one}" for role in ROLES if role in inner for one in inner if one not in ROLES)
