"""The models that the settings name: are their files here, is a key set. None is loaded, fetched or asked."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from diptych.doctor.check import Check
from diptych.doctor.storage import shown
from diptych.encoders.encoder import Encoder
from diptych.encoders.registry import load_encoder
from diptych.errors import DiptychError, ModelError
from diptych.models import vision as providers
from diptych.models.meter import Meter
from diptych.settings import Anthropic, Endpoint, Settings

CLOUDS = {"vertex": "google.auth", "bedrock": "boto3"}
"""Another way to Claude -> the package that it needs."""


def encoder(settings: Settings) -> Check:
    one = _encoder("encoder", settings.encoder, settings, "no text can be encoded")
    return _cut(one, settings) if one.state == "ok" else one


def image_encoder(settings: Settings) -> Check:
    name = settings.image_encoder
    if not name or name == settings.encoder:
        return Check("image encoder", "ok", "none of its own: pixels are encoded only if `encoder` reads pictures")
    cost = "no pixels can be encoded"
    one = _encoder("image encoder", name, settings, cost)
    if one.state == "broken" or load_encoder(name, settings).reads_images:
        return one
    return Check(one.name, "broken", f"{name} reads no pictures", cost, "export DIPTYCH_IMAGE_ENCODER=clip")


def captioner(settings: Settings) -> Check:
    return _asked("captioner", settings.captioner, settings, "pictures get no captions of a model")


def answerer(settings: Settings) -> Check:
    return _asked("answerer", settings.answerer, settings, "`diptych ask` cannot answer")


def _encoder(role: str, name: str, settings: Settings, cost: str) -> Check:
    try:
        family = name.partition(":")[0]
        if family == "minilm":
            return _minilm(role, name, settings, cost)
        made = load_encoder(name, settings)
    except DiptychError as error:
        return Check(role, "broken", str(error), cost, f"export DIPTYCH_{role.upper().replace(' ', '_')}=…")
    endpoint = getattr(settings, family, None)
    return _key(role, name, endpoint, cost) if isinstance(endpoint, Endpoint) else _files(role, made, cost)


def _minilm(role: str, name: str, settings: Settings, cost: str) -> Check:
    from diptych.encoders import minilm

    try:
        folder = minilm.find_package()
        minilm.read_verified(folder / "model.safetensors", minilm.WEIGHTS_SHA256)
        minilm.read_verified(folder / "tokenizer.json", minilm.TOKENIZER_SHA256)
    except ModelError as error:
        what, _, command = str(error).partition("; run ")
        return Check(role, "broken", what, cost, command.strip("`"))
    file = minilm.cache_file(settings.cache, name.partition(":")[2] or "int8")
    built = f"built in {file}" if minilm.read_cached_graph(file) else "built when first used (2 s)"
    return Check(role, "ok", f"{name}: weights {minilm.WEIGHTS_SHA256[:12]}…, {built}")


def _files(role: str, made: Encoder, cost: str) -> Check:
    """Of models that run here: in which folders they lie, or how they get there."""
    from diptych.encoders.fastembed import FastEmbed

    assert isinstance(made, FastEmbed)
    here, lacking = [], []
    for model in made.models:
        try:
            place = model.files.find_folder()
        except ModelError as error:
            return Check(role, "broken", f"{made.name}: {error}", cost, model.files.download_command)
        here += [f"{model.name} ({model.licence}) in {place}"] if place else []
        lacking += [] if place else [model.files]
    if not lacking:
        return Check(role, "ok", f"{made.name}: {', '.join(here)}")
    what = f"{made.name}: {', '.join(f'{one.repository} ({one.megabytes} MB)' for one in lacking)} not here"
    mend = (
        " && ".join(dict.fromkeys(one.download_command for one in lacking))
        + f" && export DIPTYCH_MODELS={lacking[0].root}"
    )
    if reason := lacking[0].explain_unreachable():
        return Check(role, "broken", f"{what}, and {reason}", cost, mend)
    return Check(role, "missing", f"{what}, fetched when first used", "the first run waits for a download", mend)


def _cut(one: Check, settings: Settings) -> Check:
    """Passages that are longer than the model reads would lose their ends."""
    try:
        tokenizer = load_encoder(settings.encoder, settings).tokenizer
        limit = _limit(tokenizer.with_name("tokenizer_config.json")) if tokenizer else None
    except (DiptychError, OSError, ValueError):
        return one
    if limit is None or limit >= settings.max_tokens:
        return one
    lost = f"it reads {limit} tokens, passages may have {settings.max_tokens}: their ends are not searched by meaning"
    return Check(one.name, "missing", one.what, lost, f"export DIPTYCH_MAX_TOKENS={limit}")


def _limit(file: Path) -> int | None:
    limit = json.loads(file.read_text(encoding="utf-8")).get("model_max_length") if file.is_file() else None
    return limit if isinstance(limit, int) else None


def _asked(role: str, name: str, settings: Settings, cost: str) -> Check:
    if not name:
        return Check(role, "ok", f"none set: {cost}")
    try:
        providers.load_vision_model(name, settings, Meter())
    except DiptychError as error:
        return Check(role, "broken", str(error), cost, f"export DIPTYCH_{role.upper()}=openai:…")
    return _key(role, name, getattr(settings, name.partition(":")[0]), cost)


def _key(role: str, name: str, endpoint: Endpoint, cost: str) -> Check:
    """Whether the variable that shall hold the key does; what it holds is told to nobody."""
    from diptych.models.request_queue import api_key

    at = f" at {shown(endpoint.base_url)}" if endpoint.base_url else ""
    if isinstance(endpoint, Anthropic) and endpoint.platform in CLOUDS:
        return _cloud(role, f"{name} through {endpoint.platform}{at}", endpoint.platform, cost)
    try:
        held = api_key(endpoint) != "none"
    except ModelError as error:
        return Check(role, "broken", f"{name}{at}: {error}", cost, f"export {endpoint.key or 'NAME_OF_THE_KEY'}=…")
    return Check(role, "ok", f"{name}{at}: {endpoint.key} is set" if held else f"{name}{at}: no key, and none is asked")


def _cloud(role: str, what: str, platform: str, cost: str) -> Check:
    package = CLOUDS[platform]
    try:
        found = importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # of the package around it
        found = False
    if not found:
        return Check(role, "broken", f"{what}: {package} is not installed", cost, f"pip install 'diptych[{platform}]'")
    return Check(role, "ok", f"{what}: with the cloud's own credentials, which are not looked at")
