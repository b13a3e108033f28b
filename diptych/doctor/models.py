"""Check the formats and encoders that can be used here, and the models named in the settings: their files and keys.

No model is loaded, downloaded or called.
"""

from collections.abc import Callable, Collection, Iterable
from functools import partial
from importlib.metadata import entry_points

from diptych.doctor.machine import Check
from diptych.encoders import minilm
from diptych.encoders.bert_precision import known_precision
from diptych.encoders.encoder import Encoder
from diptych.encoders.fastembed import FastEmbed
from diptych.encoders.late_interaction import LateInteraction
from diptych.encoders.local import choose_device
from diptych.encoders.page_encoder import load_page_encoder
from diptych.encoders.registry import BUILT_IN, find_plugins, import_plugin, load_encoder
from diptych.endpoints import NO_KEY, AnthropicEndpoint, Endpoint, Role, api_key
from diptych.errors import DiptychError, ModelError, SettingsError
from diptych.models.anthropic.client import CLOUD_PACKAGES, has_cloud_package
from diptych.models.meter import Meter
from diptych.models.price_list import OWN_HOSTS
from diptych.models.vision import load_vision_model
from diptych.object_store import hide_credentials
from diptych.rerankers.fastembed import CrossEncoder
from diptych.rerankers.registry import make_reranker
from diptych.settings import Settings
from extractors.formats import ENTRY_POINT_GROUP, FORMATS, Format, failed_plugins, formats
from extractors.slides.libreoffice import find_libreoffice

ENCODER_ROLES: tuple[Role, ...] = ("image_encoder", "encoder")


def check_formats(settings: Settings) -> Check:
    described = [_describe_format(row) for row in formats()]
    packages = {point.dist.name for point in entry_points(group=ENTRY_POINT_GROUP) if point.dist}
    return _summarise("formats", described, failed_plugins(), packages, "files of these formats are not read")


def check_encoders(settings: Settings) -> Check:
    roles: dict[str, Role] = {getattr(settings, role).partition(":")[0]: role for role in ENCODER_ROLES}
    described = [
        _describe_encoder(family, example, roles.get(family), settings) for family, example in BUILT_IN.items()
    ]
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


def check_encoder(settings: Settings) -> Check:
    return _check_encoder("encoder", settings, "no text can be encoded")


def check_image_encoder(settings: Settings) -> Check:
    name, cost = settings.image_encoder, "no pixels can be encoded"
    if not name or name == settings.encoder:
        return Check("image encoder", "ok", "none set: pixels are encoded only if `encoder` reads images")
    check = _check_encoder("image_encoder", settings, cost)
    if check.state == "broken" or load_encoder(name, settings.for_role("image_encoder")).reads_images:
        return check
    return Check(check.name, "broken", f"{name} reads no images", cost, "export DIPTYCH_IMAGE_ENCODER=clip")


def check_captioner(settings: Settings) -> Check:
    return _check_vision_model("captioner", settings, "pictures get no captions from a model")


def check_answerer(settings: Settings) -> Check:
    return _check_vision_model("answerer", settings, "`diptych ask` cannot answer")


def check_reranker(settings: Settings) -> Check:
    load = partial(make_reranker, settings, Meter(), lambda page: None)
    return _check_optional("reranker", settings, load, "hits are not reranked")


def check_page_encoder(settings: Settings) -> Check:
    load = partial(load_page_encoder, settings.for_role("page_encoder"), Meter())
    return _check_optional("page_encoder", settings, load, "images of pages are not searched by late interaction")


def _check_vision_model(role: Role, settings: Settings, cost: str) -> Check:
    load = partial(load_vision_model, getattr(settings, role), settings.for_role(role), Meter())
    return _check_optional(role, settings, load, cost)


def _check_optional(role: Role, settings: Settings, load: Callable[[], object], cost: str) -> Check:
    """A model that need not be set: its files or its endpoint."""
    title, name = role.replace("_", " "), str(getattr(settings, role))
    if not name:
        return Check(title, "ok", f"none set: {cost}")
    try:
        model = load()
        files = model.files if isinstance(model, CrossEncoder | LateInteraction) else None
        if files and not files.find_folder():
            why = files.explain_unreachable() or "downloaded when first used"
            return Check(title, "missing", f"{name}: files of {files} missing; {why}", cost, files.download_command)
    except DiptychError as error:
        return Check(title, "broken", str(error), cost, f"export DIPTYCH_{role.upper()}=…")
    endpoint = settings.endpoint(role)
    return _check_endpoint(title, name, endpoint, cost) if endpoint else Check(title, "ok", name)


def _describe_format(row: Format) -> str:
    suffixes = " ".join(row.suffixes)
    if row not in FORMATS:
        return f"{suffixes} (from {row.module})"
    if row.suffixes in ((".ppt",), (".doc",)) and find_libreoffice() is None:
        return f"{suffixes} (needs LibreOffice)"
    return suffixes


def _describe_encoder(family: str, example: str, role: Role | None, settings: Settings) -> str:
    """The first part of the name, and what is missing to use the encoder. `role`: for which it is set, if it is."""
    try:
        encoder = (
            load_encoder(getattr(settings, role), settings.for_role(role)) if role else load_encoder(example, settings)
        )
        if encoder.paid:
            api_key((role and settings.endpoint(role)) or getattr(settings, family))
        if isinstance(encoder, FastEmbed) and not all(model.files.find_folder() for model in encoder.models):
            return f"{family} (files are downloaded when first used)"
    except DiptychError as error:
        return f"{family} ({str(error).removeprefix('encoder ')})"
    return family


def _check_encoder(role: Role, settings: Settings, cost: str) -> Check:
    name, title = str(getattr(settings, role)), role.replace("_", " ")
    try:
        encoder = load_encoder(name, settings.for_role(role))
        if isinstance(encoder, minilm.MiniLM):
            return _check_minilm(title, encoder, settings)
    except DiptychError as error:
        what, _, command = str(error).partition("; run ")
        return Check(title, "broken", what, cost, command.strip("`") or f"export DIPTYCH_{role.upper()}=…")
    endpoint = settings.endpoint(role)
    return _check_endpoint(title, name, endpoint, cost) if endpoint else _check_files(title, encoder, cost)


def _check_minilm(role: str, encoder: minilm.MiniLM, settings: Settings) -> Check:
    folder = minilm.find_package()
    minilm.read_verified(folder / "model.safetensors", minilm.WEIGHTS_SHA256)
    minilm.read_verified(folder / "tokenizer.json", minilm.TOKENIZER_SHA256)
    precision = encoder.name.partition(":")[2] or known_precision(settings.cache)
    file = minilm.cache_file(settings.cache, precision)
    graph = f"graph cached in {file}" if minilm.read_cached_graph(file) else "graph is built when first used (2 s)"
    return Check(
        role,
        "ok",
        f"{encoder.name} ({precision or 'precision not chosen yet'}): weights {minilm.WEIGHTS_SHA256[:12]}…, {graph}",
    )


def _check_files(role: str, encoder: Encoder, cost: str) -> Check:
    """The folders of a local model's files, or how to get them."""
    if not isinstance(encoder, FastEmbed):  # of another package: it could be loaded
        return Check(role, "ok", encoder.name)
    try:
        device = choose_device(encoder.device)
    except ModelError as error:
        return Check(role, "broken", f"{encoder.name}: {error}", cost, "export DIPTYCH_DEVICE=auto")
    present, missing = [], []
    for model in encoder.models:
        try:
            folder = model.files.find_folder()
        except ModelError as error:
            return Check(role, "broken", f"{encoder.name}: {error}", cost, model.files.download_command)
        if folder:
            present.append(f"{model.name} ({model.licence}) in {folder}")
        else:
            missing.append(model.files)
    if not missing:
        return Check(role, "ok", f"{encoder.name}: {', '.join(present)}, on {device}")
    sizes = ", ".join(dict.fromkeys(map(str, missing)))
    what = f"{encoder.name}: files of {sizes} missing"
    commands = [*dict.fromkeys(files.download_command for files in missing), f"export DIPTYCH_MODELS={missing[0].root}"]
    fix = " && ".join(commands)
    if reason := missing[0].explain_unreachable():
        return Check(role, "broken", f"{what}, and {reason}", cost, fix)
    return Check(role, "missing", f"{what}; downloaded when first used", "the first run waits for a download", fix)


def _check_endpoint(role: str, name: str, endpoint: Endpoint, cost: str) -> Check:
    """Where the model is called, and whether the environment variable holds a key, which is never shown."""
    try:
        place = f" at {_describe_address(endpoint)}"
        if isinstance(endpoint, AnthropicEndpoint) and endpoint.platform in CLOUD_PACKAGES:
            return _check_cloud(role, f"{name} through {endpoint.platform}{place}", endpoint.platform, cost)
        needs_key = api_key(endpoint) != NO_KEY
    except SettingsError as error:
        return Check(role, "broken", f"{name}: {error}", cost, f"export {endpoint.url_variable or 'NAME'}=https://…")
    except ModelError as error:
        return Check(role, "broken", f"{name}{place}: {error}", cost, f"export {endpoint.key or 'NAME_OF_THE_KEY'}=…")
    return Check(role, "ok", f"{name}{place}: {f'{endpoint.key} is set' if needs_key else 'needs no key'}")


def _describe_address(endpoint: Endpoint) -> str:
    """The base URL without credentials, and where it comes from unless that is the provider's section."""
    if not endpoint.address:
        return OWN_HOSTS.get(endpoint.provider, "its provider")
    url, setting = hide_credentials(endpoint.address), endpoint.address_setting
    return url if setting == f"`{endpoint.provider}.base_url`" else f"{url} ({setting})"


def _check_cloud(role: str, what: str, platform: str, cost: str) -> Check:
    if not has_cloud_package(platform):
        missing = f"{what}: {CLOUD_PACKAGES[platform]} is not installed"
        return Check(role, "broken", missing, cost, f"pip install 'diptych[{platform}]'")
    return Check(role, "ok", f"{what}: uses the cloud's own credentials, which are not checked")
