"""Where documents are, as the settings say."""

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
