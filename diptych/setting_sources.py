"""Where settings are read: diptych.toml, and environment variables.

They are read as pydantic-settings does it, whose import takes a tenth of the time of a short command.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from diptych.errors import SettingsError


def read_file(file: Path) -> dict[str, Any]:
    """The values in a TOML file; none if it does not exist."""
    return tomllib.loads(file.read_bytes().decode()) if file.is_file() else {}


def read_environment(settings: type[BaseModel], prefix: str) -> dict[str, Any]:
    """The values of the variables that begin with `prefix` and are settings; case does not matter.

    Two underscores lead into a section or table. Raises `SettingsError` for one that must hold JSON and does not.
    """
    values: dict[str, Any] = {}
    named = {name.upper().removeprefix(prefix).lower(): name for name in os.environ if name.upper().startswith(prefix)}
    for path, variable in sorted(named.items()):  # a section comes before its parts
        *sections, last = path.split("__")
        first = settings.model_fields.get(sections[0] if sections else last)
        if not first or (sections and not _is_structured(first)):
            continue
        field: Any = settings
        inside = values
        for section in sections:
            field = _find_field(field, section)
            if not isinstance(inside.get(section), dict):
                inside[section] = {}
            inside = inside[section]
        inside[last] = _parse(os.environ[variable], variable, _find_field(field, last))
    return values


def merge(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with `others` in their place; sections and tables are merged as well."""
    merged = dict(values)
    for name, value in others.items():
        before = merged.get(name)
        merged[name] = merge(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


def _parse(text: str, variable: str, field: Any) -> Any:
    has_parser = isinstance(field, FieldInfo) and any(isinstance(one, BeforeValidator) for one in field.metadata)
    if not _is_structured(field) or has_parser:
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{variable}: variables of sections, tables and lists must hold JSON ({error})") from error


def _find_field(parent: Any, name: str) -> Any:
    """The field `name` in a section, or the type of values in a table; `parent` is a field or type itself."""
    for kind in _kinds(parent):
        if get_origin(kind) is dict:
            return get_args(kind)[1]
        if _is_section(kind) and name in kind.model_fields:
            return kind.model_fields[name]
    return None


def _is_structured(field: Any) -> bool:
    """Whether a field or type is a section, a table or a list, and not a single value."""
    return any(_is_section(kind) or is_dataclass(kind) or get_origin(kind) in (dict, tuple) for kind in _kinds(field))


def _kinds(field: Any) -> tuple[Any, ...]:
    kind = field.annotation if isinstance(field, FieldInfo) else field
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
