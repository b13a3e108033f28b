"""The block `DiptychStore`: a store with its settings, to be chosen by name in the form of every flow."""

from typing import Any

from prefect.blocks.core import Block
from pydantic import Field, field_validator

from diptych.errors import SettingsError
from diptych.settings import load_settings

OPERATORS = {"passwords", "places", "tenant"}
"""Settings that only the operator of a worker makes: secrets, and what keeps tenants apart."""


class DiptychStore(Block):
    """A store: where it is, where its images are, and how it is searched and filled."""

    _block_type_name = "Diptych store"
    _block_type_slug = "diptych-store"
    _description = "A store of Diptych with its settings, for the field `store` of the flows."

    store: str = Field(description="Folder of the store, or URL of a Qdrant server.")
    pictures: str = Field(
        default="", description="Folder or URL of the picture store. Default: inside the store, or as configured."
    )
    settings: dict[str, Any] = Field(
        default={}, description='Other settings, as in diptych.toml: {"answerer": "anthropic:…"}. No keys or passwords.'
    )

    @field_validator("settings")
    @classmethod
    def _check(cls, settings: dict[str, Any]) -> dict[str, Any]:
        for name in OPERATORS & settings.keys():
            raise ValueError(
                f"`{name}` does not belong in a block, which everybody sees and changes; keep it in diptych.toml or "
                f"DIPTYCH_{name.upper()}"
            )
        try:
            load_settings(others=settings)
        except SettingsError as error:
            raise ValueError(str(error)) from error
        return settings

    @property
    def overrides(self) -> dict[str, Any]:
        """All settings that the block determines."""
        return {**self.settings, "store": self.store, **({"pictures": self.pictures} if self.pictures else {})}
