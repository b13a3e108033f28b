"""Encoders by name: those in this folder, and those that other packages add through entry points."""

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from diptych.encoders.encoder import Encoder
from diptych.errors import DiptychError, ModelError
from diptych.models.meter import Meter
from diptych.settings import Settings

BUILT_IN: dict[str, str] = {
    "minilm": "minilm",
    "fastembed": "fastembed:BAAI/bge-small-en-v1.5",
    "clip": "clip",
    "openai": "openai:text-embedding-3-small",
    "unified": "unified:MODEL",
}
"""First part of an encoder's name, which is also its module in this folder -> an example of a full name.

Each module has a function `load(variant, settings, meter)`; the variant is what follows the colon.
"""
ENTRY_POINTS = "diptych.encoders"
"""Group of entry points: NAME = "package.module:object", a function like `load` above or a subclass of `Encoder`."""


def load_encoder(name: str, settings: Settings, meter: Meter | None = None) -> Encoder:
    """The encoder with this name. Reads no weights and sends no request before it is first used.

    `meter` counts what paid encoders use. Raises `ModelError` for an unknown name, or if something is missing, with
    the command that installs it.
    """
    family, _, variant = name.partition(":")
    meter = meter or Meter()
    if family in BUILT_IN:
        encoder: Encoder = import_module(f"diptych.encoders.{family}").load(variant, settings, meter)
        return encoder
    plugins = find_plugins()
    if family not in plugins:
        raise ModelError(f"no encoder is called `{name}`; known: {', '.join([*BUILT_IN, *plugins])}")
    return _load_plugin(plugins[family], variant, settings, meter)


def find_plugins() -> dict[str, EntryPoint]:
    """Encoders of other packages, none of them imported yet. Built-in names cannot be replaced."""
    return {point.name: point for point in entry_points(group=ENTRY_POINTS) if point.name not in BUILT_IN}


def import_plugin(point: EntryPoint) -> Any:
    """The object an entry point names. Raises `ModelError` if it cannot be imported."""
    try:
        return point.load()
    except Exception as error:  # other people's code may raise anything
        raise _plugin_error(point, f"cannot be imported ({type(error).__name__}: {error})") from error


def _load_plugin(point: EntryPoint, variant: str, settings: Settings, meter: Meter) -> Encoder:
    load = import_plugin(point)
    if isinstance(load, type) and variant:
        raise ModelError(f"encoder {point.name}: it has no variants; write `{point.name}` without `:{variant}`")
    try:
        encoder = load() if isinstance(load, type) else load(variant, settings, meter)
    except DiptychError:
        raise
    except Exception as error:
        raise _plugin_error(point, f"cannot be loaded ({type(error).__name__}: {error})") from error
    if not isinstance(encoder, Encoder) or not hasattr(encoder, "name") or not hasattr(encoder, "size"):
        kind = type(encoder).__name__
        raise _plugin_error(point, f"returned {kind}, which is not a diptych Encoder with a name and a size")
    return encoder


def _plugin_error(point: EntryPoint, reason: str) -> ModelError:
    package = point.dist.name if point.dist else point.value
    return ModelError(
        f"encoder {point.name}: {point.value} from the package {package} {reason}; update or uninstall {package}"
    )
