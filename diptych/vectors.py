"""Types of vectors."""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""Shape (dimensions,)."""
Vectors = NDArray[np.float32]
"""Shape (items, dimensions); rows have unit length."""
