"""Hides what lies in a box: a strong blur there, and boxes of the same size elsewhere to compare with."""

from __future__ import annotations

import numpy as np

from chex.augmentation import blurred
from chex.records import Box

SIGMA = 0.08  # of the image's longer side
_TRIES = 500


def blurred_box(image: np.ndarray, box: Box, sigma: float = SIGMA) -> np.ndarray:
    """The image (H, W) uint8 with the box (relative) blurred by a Gaussian of `sigma` times its longer side."""
    height, width = image.shape
    x_min, x_max = (round(x * width) for x in (box[0], box[2]))
    y_min, y_max = (round(y * height) for y in (box[1], box[3]))
    hidden = image.copy()
    smooth = blurred(image, sigma * max(image.shape))
    hidden[y_min:y_max, x_min:x_max] = smooth[y_min:y_max, x_min:x_max]
    return hidden


def elsewhere(box: Box, generator: np.random.Generator) -> Box | None:
    """A box of the same size anywhere in the image that does not overlap this one; None where there is hardly room."""
    width, height = box[2] - box[0], box[3] - box[1]
    for x, y in generator.uniform((0, 0), (1 - width, 1 - height), (_TRIES, 2)):
        if x + width <= box[0] or x >= box[2] or y + height <= box[1] or y >= box[3]:
            return (float(x), float(y), float(x + width), float(y + height))
    return None


def mirrored(box: Box) -> Box | None:
    """The box on the other side of the image's midline; None where both would overlap."""
    other = (1 - box[2], box[1], 1 - box[0], box[3])
    return other if other[0] >= box[2] or other[2] <= box[0] else None
