"""Where documents are and how pictures are downloaded, as the settings say."""

from dataclasses import replace

from diptych.pipeline.discovery.download import Fetch, fetcher
from diptych.places.containers import Unpack
from diptych.places.places import Places
from diptych.places.web import Limits
from diptych.settings import Settings


def open_places(chosen: Settings, unpack: Unpack) -> Places:
    """Where documents are, with the limits and credentials of the settings."""
    instead = "raise `fetch_mb` or `document_seconds`, or download it and use its path"
    limits = Limits(chosen.fetch_mb << 20, chosen.document_seconds, chosen.private_addresses, instead)
    options = {
        start: {name: value.get_secret_value() for name, value in given.items()}
        for start, given in chosen.places.items()
    }
    return Places(chosen.cache, limits, options, unpack)


def open_fetcher(chosen: Settings, *, retry: bool, for_query: bool) -> Fetch:
    """What downloads pictures; `retry`: also from servers that did not answer a short time ago."""
    limits = Limits(seconds=chosen.download_seconds, private=chosen.private_addresses)
    if for_query:
        limits = replace(limits, instead="save the picture and give its path")
    return fetcher(chosen.cache / "downloads", limits, retry=retry)
