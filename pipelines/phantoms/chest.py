"""The projected chest: thickness maps of soft tissue, lung, bone and metal along every ray."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from pipelines.phantoms.anatomy import Anatomy, Profiles
from pipelines.phantoms.beam import Beam, Rays, Window
from pipelines.phantoms.organs import Ellipsoid
from pipelines.phantoms.solids import Interval, ellipsoid


@dataclass
class Wall:
    """One surface of the chest cavity as each ray meets it; arrays (H, W)."""

    z: np.ndarray
    x: np.ndarray
    y: np.ndarray
    lift: np.ndarray  # 0 at the side … 1 in the middle: the surface's height over the coronal plane, relative
    width: np.ndarray  # half-width and half-depth of the chest at that level
    depth: np.ndarray


@dataclass
class Chest:
    """What the beam has to cross, in mm along each ray; `soft` and `bone` are water- and cortex-equivalent."""

    beam: Beam
    anatomy: Anatomy
    profiles: Profiles
    rays: Rays
    middle: tuple[np.ndarray, np.ndarray]  # x, y of each ray in the coronal plane
    supine: bool = False
    cavity: Interval = None
    walls: dict[str, Wall] = field(default_factory=dict)  # "back", "front"
    body: np.ndarray = None
    lung: np.ndarray = None  # thickness of lung tissue, healthy
    aerated: np.ndarray = None  # what of it still holds air
    sides: dict[str, np.ndarray] = field(default_factory=dict)  # masks
    below: np.ndarray = None  # thickness of abdomen inside the cavity
    soft: np.ndarray = None
    bone: np.ndarray = None
    metal: np.ndarray = None
    air: np.ndarray = None  # air outside the lungs' tissue: trachea, stomach, bowel

    def solid(self, shape: Ellipsoid) -> tuple[Window, Interval]:
        """The window of an ellipsoid and its chords there."""
        across, down = shape.extent()
        x, y, z = shape.centre
        deep = shape.semi_axes[2]
        window = self.beam.window((x - across, y - down, z - deep), (x + across, y + down, z + deep))
        return window, ellipsoid(self.rays.crop(window), shape.centre, shape.semi_axes, shape.tilt)

    def enclose(self, solid: Interval, shapes: Iterable[Ellipsoid]) -> None:
        """Grows a solid (in place) to reach around ellipsoids that touch it."""
        for shape in shapes:
            window, chords = self.solid(shape)
            np.minimum(solid.near[window], chords.near, out=solid.near[window])
            np.maximum(solid.far[window], chords.far, out=solid.far[window])


def cavity_wall(chest: Chest, front: bool, margin: float = 0.0, inset: float = 0.0) -> Wall:
    """Where each ray meets the chest wall's inside, moved outwards by `margin` mm (x, z) and downwards by `inset`."""
    profiles, toward = chest.profiles, np.float32(1.0 if front else -1.0)
    z = toward * np.float32(0.75 * chest.anatomy.chest_half_depth)
    for _ in range(2):
        x, y = chest.rays.at(z)
        level = profiles.index(y - np.float32(inset))
        x = x - profiles.spine[level]
        width, depth = profiles.chest_width[level], profiles.chest_depth[level]
        if margin:
            width, depth = np.maximum(width + np.float32(margin), 1), np.maximum(depth + np.float32(margin), 0)
        ratio = x / np.maximum(width, 1)
        ratio *= ratio
        # a little squarer than an ellipse
        lift = np.sqrt(np.maximum(1 - ratio * (np.float32(0.55) + np.float32(0.45) * ratio), 0))
        z = toward * depth * lift
    return Wall(z=z, x=x, y=y, lift=lift, width=width, depth=depth)
