"""How much the pictures found look like the picture of a query, from 0 to 1.

A picture that is in the store is recognised by its distance: the nearest picture is much nearer than any other (the
ratio test of Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004). A ratio of distances needs
no calibration, because it does not depend on the scale of the encoder's similarities. Pure functions over plain data.
"""

import math
from collections.abc import Mapping, Sequence

SAME = 0.1
"""Smallest distance that is told apart: compressing a picture again moves its vector about this far."""
SHARPNESS = 4
"""Power of the ratio: a picture twice as far as the nearest counts 1/16."""

Likeness = Mapping[str, float]
"""Id of a picture -> its likeness; 1 for the most similar one."""


def measure_likeness(similarities: Sequence[Mapping[str, float]]) -> Likeness:
    """The mean over several lists of cosine similarities by id; a picture that a list lacks counts 0 there."""
    likeness: dict[str, float] = {}
    for cosines in similarities:
        distances = {id_: max(SAME, math.sqrt(max(0.0, 2 - 2 * cosine))) for id_, cosine in cosines.items()}
        nearest = min(distances.values(), default=0.0)
        for id_, distance in distances.items():
            likeness[id_] = likeness.get(id_, 0.0) + (nearest / distance) ** SHARPNESS / len(similarities)
    return likeness
