"""The formats and encoders that can be used here, built-in or from other packages, and what each of them lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from importlib.metadata import entry_points

from diptych.doctor.check import Check
from diptych.encoders.registry import BUILT_IN, find_plugins, import_plugin, load_encoder
from diptych.errors import DiptychError
from diptych.models.api_keys import api_key
from diptych.settings import Settings
from extractors.formats import ENTRY_POINT_GROUP, FORMATS, Format, failed_plugins, formats
from extractors.slides.libreoffice import find_libreoffice


def check_formats(settings: Settings) -> Check:
    described = [_describe_format(row) for row in formats()]
    packages = {point.dist.name for point in entry_points(group=ENTRY_POINT_GROUP) if point.dist}
    return _summarise("formats", described, failed_plugins(), packages, "files of these formats are not read")


def check_encoders(settings: Settings) -> Check:
    configured = {name.partition(":")[0]: name for name in (settings.image_encoder, settings.encoder)}
    described = [_describe_encoder(configured.get(family, example), settings) for family, example in BUILT_IN.items()]
    failures: dict[str, str] = {}
    for name, plugin in find_plugins().items():
        package = plugin.dist.name if plugin.dist else plugin.value
        try:
            import_plugin(plugin)
            described.append(f"{name} (from {package})")
        except DiptychError as error:
            failures[str(error)] = package
    return _summarise("encoders", described, failures, failures.values(), "these encoders cannot be used")


def _summarise(
    name: str, described: Iterable[str], failures: Collection[str], packages: Iterable[str], cost: str
) -> Check:
    what = "; ".join([", ".join(described), *failures])
    if not failures:
        return Check(name, "ok", what)
    return Check(name, "missing", what, cost, f"pip install --upgrade {' '.join(sorted(set(packages)))}")


def _describe_format(row: Format) -> str:
    suffixes = " ".join(row.suffixes)
    if row not in FORMATS:
        return f"{suffixes} (from {row.module})"
    if row.suffixes == (".ppt",) and find_libreoffice() is None:
        return f"{suffixes} (needs LibreOffice)"
    return suffixes


def _describe_encoder(name: str, settings: Settings) -> str:
    """The first part of the name, and what is missing to use the encoder."""
    from diptych.encoders.fastembed import FastEmbed

    family = name.partition(":")[0]
    try:
        encoder = load_encoder(name, settings)
        if encoder.paid:
            api_key(getattr(settings, family))
        if isinstance(encoder, FastEmbed) and not all(model.files.find_folder() for model in encoder.models):
            return f"{family} (files are downloaded when first used)"
    except DiptychError as error:
        return f"{family} ({str(error).removeprefix('encoder ')})"
    return family
