"""The settings of how a store keeps vectors and payloads, most of them on a Qdrant server."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings

VectorType = Literal["float32", "float16"]
Quantization = Literal["none", "scalar", "binary", "turbo"]


class StorageSettings(BaseSettings):
    """A part of `Settings`, without a section of its own."""

    collections: str = Field(default="diptych", description="Prefix of the collection names on a Qdrant server.")
    picture_copy_mb: int = Field(
        default=4096, ge=1, description="Size of the local copy of a picture store in an object store, in MiB."
    )
    vectors: VectorType | None = Field(default=None, description="Storage type of vectors; default: float32.")
    quantization: Quantization | None = Field(default=None, description="Quantisation on a Qdrant server.")
    rescore: bool = Field(default=True, description="Compare hits of quantised vectors again with the full ones.")
    oversampling: float = Field(default=2, ge=1, description="Candidates to rescore for each hit.")
    vectors_on_disk: bool | None = Field(default=None, description="Keep full vectors of a Qdrant server on disk.")
    payload_on_disk: bool | None = Field(default=None, description="Keep payloads of a Qdrant server on disk.")
    aliases: str = Field(default="", description="Prefix of the aliases `text` and `images` on a Qdrant server.")
    shards: int = Field(default=1, ge=1, description="Shards per collection on a Qdrant server.")
    replicas: int = Field(default=1, ge=1, description="Replicas per shard on a Qdrant server.")
    server_seconds: float = Field(
        default=60, gt=0, description="Time limit of one request to a Qdrant server including retries, in seconds."
    )
    lock_seconds: float = Field(
        default=60, ge=0, description="How long to wait for a store that another process has open, in seconds."
    )
