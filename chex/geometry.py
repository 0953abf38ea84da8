"""Image and boxes move together: one invertible affine map, in relative coordinates, for both.

A map is a 3×3 array that takes a point (x, y, 1) of the source image, relative to its width and height,
to a point of the target image, relative likewise. Maps compose with `@`, the first one on the right.
Boxes are float arrays (n, 4) of x_min, y_min, x_max, y_max, relative to their image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from PIL import Image

Fit = Literal["stretch", "center_crop", "pad"]


@dataclass(frozen=True, slots=True)
class Frame:
    """How an original image (height, width in pixels) lies in the square model image of `size` pixels.

    stretch: the whole image, its sides scaled separately; center_crop: the largest centred square;
    pad: the whole image, centred, black around it.
    """

    height: int
    width: int
    size: int
    fit: Fit = "stretch"

    def __post_init__(self) -> None:
        for name in ("height", "width", "size"):
            if getattr(self, name) < 1:
                raise ValueError(f"a frame's {name} is at least 1 pixel, found {getattr(self, name)}")
        if self.fit not in get_args(Fit):
            raise ValueError(f"unknown fit {self.fit!r}; there are {', '.join(get_args(Fit))}")

    @property
    def matrix(self) -> np.ndarray:
        """The map from the original to the model image."""
        if self.fit == "stretch":
            return np.eye(3)
        if self.fit == "center_crop":
            return crop(self._cropped())
        left, top, width, height = self._padded()
        return np.linalg.inv(
            crop((left / self.size, top / self.size, (left + width) / self.size, (top + height) / self.size))
        )

    def image(self, pixels: np.ndarray) -> np.ndarray:
        """The model image (size, size) uint8 of `pixels` (height, width) uint8, antialiased."""
        picture = _picture(pixels)
        if (picture.height, picture.width) != (self.height, self.width):
            raise ValueError(
                f"this frame is for images of {self.height}×{self.width} pixels, found {picture.height}×{picture.width}"
            )
        if self.fit != "pad":
            left, top, right, bottom = self._cropped() if self.fit == "center_crop" else (0.0, 0.0, 1.0, 1.0)
            part = (left * self.width, top * self.height, right * self.width, bottom * self.height)
            return np.asarray(picture.resize((self.size, self.size), Image.Resampling.BILINEAR, box=part))
        left, top, width, height = self._padded()
        target = Image.new("L", (self.size, self.size))
        target.paste(picture.resize((width, height), Image.Resampling.BILINEAR), (left, top))
        return np.asarray(target)

    def boxes(self, boxes_xyxy: np.ndarray, *, clip: bool = False) -> np.ndarray:
        """Boxes of the original, relative to the model image; beyond [0, 1] where not visible, unless clipped."""
        return _moved(boxes_xyxy, self.matrix, clip)

    def inverse_boxes(self, boxes_xyxy: np.ndarray, *, clip: bool = False) -> np.ndarray:
        """Boxes of the model image, relative to the original."""
        return _moved(boxes_xyxy, np.linalg.inv(self.matrix), clip)

    def _cropped(self) -> tuple[float, float, float, float]:
        side = min(self.height, self.width)
        left, top = (1 - side / self.width) / 2, (1 - side / self.height) / 2
        return left, top, 1 - left, 1 - top

    def _padded(self) -> tuple[int, int, int, int]:
        """left, top, width, height in whole pixels of the model image, so that boxes and pixels agree exactly."""
        longest = max(self.height, self.width)
        width = max(1, round(self.size * self.width / longest))
        height = max(1, round(self.size * self.height / longest))
        return (self.size - width) // 2, (self.size - height) // 2, width, height


def crop(part_xyxy: tuple[float, float, float, float]) -> np.ndarray:
    """The map that makes a part of the image the whole image."""
    x_min, y_min, x_max, y_max = part_xyxy
    if not (x_max > x_min and y_max > y_min):
        raise ValueError(f"a part to crop is x_min < x_max, y_min < y_max; found {tuple(part_xyxy)}")
    width, height = x_max - x_min, y_max - y_min
    return np.array([[1 / width, 0, -x_min / width], [0, 1 / height, -y_min / height], [0, 0, 1.0]])


def flip() -> np.ndarray:
    """Left and right exchanged."""
    return np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])


def rotate(degrees: float) -> np.ndarray:
    """Counter-clockwise, as seen, about the centre of a square image."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return _about_centre(np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1.0]]))


def scale(factor: float) -> np.ndarray:
    """What is shown grows by `factor` about the centre."""
    if factor <= 0:
        raise ValueError(f"a scale factor is above 0, found {factor}")
    return _about_centre(np.diag([factor, factor, 1.0]))


def shift(x: float, y: float) -> np.ndarray:
    """What is shown moves by x to the right and y downwards, relative to the image."""
    return np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])


def resample(pixels: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """`pixels` (H, W) uint8 under the map, (size, size) uint8, antialiased; black where the source ends."""
    picture = _picture(pixels)
    inverse = np.linalg.inv(matrix)
    # source pixels per target pixel along either target axis
    density = np.abs(np.diag([picture.width, picture.height, 1]) @ inverse)[:2, :2].max() / size
    over = max(1, math.ceil(density - 0.3))  # so many samples per axis are averaged, at most 1.3 source pixels apart
    fine = size * over
    to_source = np.diag([picture.width, picture.height, 1.0]) @ inverse @ np.diag([1 / fine, 1 / fine, 1.0])
    moved = picture.transform(
        (fine, fine), Image.Transform.AFFINE, tuple(to_source[:2].flat), Image.Resampling.BILINEAR
    )
    return np.asarray(moved.reduce(over) if over > 1 else moved)


def move_boxes(boxes_xyxy: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The axis-aligned hulls of the boxes' four moved corners, not clipped. (n, 4) -> (n, 4); n may be 0."""
    boxes = np.asarray(boxes_xyxy, dtype=np.float64).reshape(-1, 4)
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]  # n 4 2
    moved = corners @ matrix[:2, :2].T + matrix[:2, 2]
    return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)


def visible_boxes(boxes_xyxy: np.ndarray, matrix: np.ndarray, least_visible: float) -> tuple[np.ndarray, np.ndarray]:
    """The moved boxes clipped to the image (n, 4), and which of them still show `least_visible` of their area (n,)."""
    moved = move_boxes(boxes_xyxy, matrix)
    clipped = moved.clip(0, 1)
    area, seen = _areas(moved), _areas(clipped)
    return clipped, (seen > 0) & (seen >= least_visible * area)


def _areas(boxes_xyxy: np.ndarray) -> np.ndarray:
    return (boxes_xyxy[:, 2] - boxes_xyxy[:, 0]) * (boxes_xyxy[:, 3] - boxes_xyxy[:, 1])


def _moved(boxes_xyxy: np.ndarray, matrix: np.ndarray, clip: bool) -> np.ndarray:
    moved = move_boxes(boxes_xyxy, matrix)
    return moved.clip(0, 1) if clip else moved


def _about_centre(matrix: np.ndarray) -> np.ndarray:
    return shift(0.5, 0.5) @ matrix @ shift(-0.5, -0.5)


def _picture(pixels: np.ndarray) -> Image.Image:
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2 or 0 in pixels.shape:
        found = f"{pixels.dtype} {pixels.shape}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise ValueError(f"expected pixels (height, width) uint8, found {found}")
    return Image.fromarray(pixels)
