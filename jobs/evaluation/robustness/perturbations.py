"""Small changes of an image that change nothing in the patient: functions of an image and of the boxes on it.

Images (H, W) uint8; boxes (n, 4) x_min, y_min, x_max, y_max, relative. All are pure; none changes its arguments.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

Perturbation = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def moved(image: np.ndarray, boxes_xyxy: np.ndarray, *, right: float, down: float) -> tuple[np.ndarray, np.ndarray]:
    """Moved by these shares of the image's sides, to whole pixels; what comes in repeats the edge. Boxes end there."""
    height, width = image.shape
    x, y = round(right * width), round(down * height)
    rows = np.clip(np.arange(height) - y, 0, height - 1)
    columns = np.clip(np.arange(width) - x, 0, width - 1)
    offset = np.array([x / width, y / height] * 2)
    return image[rows][:, columns], (boxes_xyxy + offset).clip(0.0, 1.0)


def brightened(image: np.ndarray, boxes_xyxy: np.ndarray, *, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Grey values times the factor, at most 255."""
    return _graded(image, np.arange(256) * factor), boxes_xyxy


def contrasted(image: np.ndarray, boxes_xyxy: np.ndarray, *, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Distances of grey values from the image's mean times the factor."""
    mean = image.mean(dtype=np.float64)
    return _graded(image, (np.arange(256) - mean) * factor + mean), boxes_xyxy


def compressed(image: np.ndarray, boxes_xyxy: np.ndarray, *, quality: int) -> tuple[np.ndarray, np.ndarray]:
    """Written as JPEG of this quality (1 to 95) and read again."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)), boxes_xyxy


def _graded(image: np.ndarray, table: np.ndarray) -> np.ndarray:
    return np.take(table.round().clip(0, 255).astype(np.uint8), image)


PERTURBATIONS: dict[str, Perturbation] = {
    "moved right by 2 %": partial(moved, right=0.02, down=0.0),
    "moved left by 2 %": partial(moved, right=-0.02, down=0.0),
    "moved down by 2 %": partial(moved, right=0.0, down=0.02),
    "moved up by 2 %": partial(moved, right=0.0, down=-0.02),
    "brightness × 0.9": partial(brightened, factor=0.9),
    "brightness × 1.1": partial(brightened, factor=1.1),
    "contrast × 0.9": partial(contrasted, factor=0.9),
    "contrast × 1.1": partial(contrasted, factor=1.1),
    "JPEG quality 90": partial(compressed, quality=90),
    "JPEG quality 75": partial(compressed, quality=75),
    "JPEG quality 50": partial(compressed, quality=50),
}
