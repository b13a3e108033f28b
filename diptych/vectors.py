"""Types of vectors, and their length."""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""Shape (dimensions,)."""
Vectors = NDArray[np.float32]
"""Shape (items, dimensions); rows have unit length."""


def unit_rows(values: NDArray[np.float32]) -> Vectors:
    """The rows at unit length; rows of zeros stay."""
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.where(lengths, lengths, 1), np.float32)
