"""Types of vectors, and their length. NumPy is imported where it is needed, because commands start without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Vector: TypeAlias = "NDArray[np.float32]"
"""Shape (dimensions,)."""
Vectors: TypeAlias = "NDArray[np.float32]"
"""Shape (items, dimensions); rows have unit length."""


def unit_rows(values: Vectors) -> Vectors:
    """The rows at unit length; rows of zeros stay."""
    import numpy as np

    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.where(lengths, lengths, 1), np.float32)


def vector_to_bytes(vector: Vector) -> bytes:
    """As little-endian float32."""
    import numpy as np

    return np.asarray(vector).astype("<f4").tobytes()


def vector_from_bytes(data: bytes) -> Vector:
    """A writable vector from what `vector_to_bytes` returned."""
    import numpy as np

    return np.frombuffer(data, "<f4").astype(np.float32)
