"""The projected chest: thickness maps of soft tissue, lung, bone and metal along every ray."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipelines.phantoms.anatomy import SIDES, Anatomy, Profiles, profiles_of
from pipelines.phantoms.beam import Beam, Rays, Window
from pipelines.phantoms.organs import (
    Ellipsoid,
    bronchi_lines,
    descending_aorta,
    heart_solids,
    trachea_line,
    vessel_solids,
)
from pipelines.phantoms.solids import NOWHERE, Interval, ellipsoid, interval_around, ramp
from pipelines.phantoms.strokes import tube


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
    diaphragm: dict[str, np.ndarray] = field(default_factory=dict)  # per column: see regions
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


def project_chest(beam: Beam, anatomy: Anatomy, supine: bool = False) -> Chest:
    """Body, lungs, mediastinum, diaphragm and airways of a patient without diseases."""
    rays = beam.rays()
    profiles = profiles_of(anatomy)
    chest = Chest(beam=beam, anatomy=anatomy, profiles=profiles, rays=rays, middle=rays.at(np.float32(0)), supine=supine)
    back, front = cavity_wall(chest, front=False), cavity_wall(chest, front=True)
    chest.walls = {"back": back, "front": front}
    inside = (back.lift > 0) & (front.lift > 0)
    chest.cavity = Interval(np.where(inside, back.z, NOWHERE), np.where(inside, front.z, -NOWHERE))
    x, y = chest.middle
    level = chest.profiles.index(y)
    x_spine = x - chest.profiles.spine[level]
    chest.sides = {"right": x_spine < 0, "left": x_spine >= 0}
    solid = _mediastinum(chest, x_spine, level)
    dome = _diaphragm(chest, x_spine, y)
    _hull(chest, solid, heart_solids(anatomy).values())
    _hull(chest, solid, vessel_solids(anatomy).values())
    within_solid, within_dome = chest.cavity.overlap(solid), chest.cavity.overlap(dome)
    chest.below = within_dome.length()
    lung = chest.cavity.length() - within_solid.length() - chest.below + within_solid.overlap(dome).length()
    bottom = np.where(chest.sides["right"], np.float32(anatomy.sulcus["right"]), np.float32(anatomy.sulcus["left"]))
    lung *= ramp(y - bottom, 2.0, -7.0)
    aorta = np.zeros_like(lung)
    line, radius = descending_aorta(anatomy)
    tube(aorta, beam, line, radius, blur=0.2)
    free = ramp(lung, 5.0, 50.0)
    lung = np.maximum(lung - aorta * free, 0)
    chest.lung, chest.aerated = lung, lung.copy()
    chest.body = _body(chest, x_spine, level)
    chest.air = _airways(chest)
    chest.soft = chest.body - lung * np.float32(1 - anatomy.lung_density)
    chest.bone, chest.metal = np.zeros_like(lung), np.zeros_like(lung)
    return chest


def _mediastinum(chest: Chest, x: np.ndarray, level: np.ndarray) -> Interval:
    """Everything between the lungs but heart and great vessels: a column that reaches from spine to sternum."""
    shifted = x - np.float32(chest.anatomy.mediastinal_shift * 0.7)
    right, left = chest.profiles.mediastinum_right[level], chest.profiles.mediastinum_left[level]
    ratio = shifted / np.where(shifted < 0, right, left)
    inside = 1 - ratio * ratio
    half = np.float32(0.8 * chest.anatomy.chest_half_depth) * np.sqrt(np.maximum(inside, 0))
    return interval_around(np.float32(0), half, inside > 0)


def _diaphragm(chest: Chest, x: np.ndarray, y: np.ndarray) -> Interval:
    """The two domes: abdomen reaches up into the cavity and leaves a sulcus in front, behind and at the side."""
    anatomy, right = chest.anatomy, chest.sides["right"]
    half_width = 0.535 * anatomy.chest_half_width

    def by_side(values: dict[str, float]) -> np.ndarray:
        return np.where(right, np.float32(values["right"]), np.float32(values["left"]))

    reach = (np.abs(x) - np.float32(0.47 * anatomy.chest_half_width)) * np.float32(1 / half_width)
    rise = {side: anatomy.sulcus[side] - anatomy.dome[side] for side in SIDES}
    climb = np.minimum(y - by_side(anatomy.sulcus), 0) / by_side(rise)
    # medially the dome ends at the heart and the spine instead of falling to a second sulcus
    reach = np.where(reach < 0, reach * np.float32(0.45), reach)
    reach = np.abs(reach)
    inside = 1 - reach * (np.float32(0.5) + np.float32(0.5) * reach) - climb * climb
    half = np.float32(1.0 * anatomy.chest_half_depth) * np.sqrt(np.maximum(inside, 0))
    return interval_around(np.float32(2), half, inside > 0)


def _hull(chest: Chest, solid: Interval, shapes) -> None:
    for shape in shapes:
        window, chords = chest.solid(shape)
        np.minimum(solid.near[window], chords.near, out=solid.near[window])
        np.maximum(solid.far[window], chords.far, out=solid.far[window])


def _body(chest: Chest, x: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Outer body: trunk and neck, shoulders, arms, breasts."""
    anatomy, scale = chest.anatomy, chest.anatomy.scale
    ratio = x / chest.profiles.body_width[level]
    ratio *= ratio
    half = chest.profiles.body_depth[level] * np.sqrt(np.maximum(1 - ratio * (0.35 + 0.65 * ratio), 0))
    trunk = interval_around(np.float32(0), half, half > 0)
    stout = 0.8 * anatomy.wall
    top = anatomy.shoulder
    spread = 0.86 * anatomy.chest_half_width + 48 * scale
    apart = 14 * scale if chest.beam.toward > 0 else 0.0  # for a PA view the elbows are out
    limbs = []
    for sign in (-1.0, 1.0):
        limbs.append(Ellipsoid((sign * spread, top - 52 * scale, -8.0), ((66 + 0.3 * stout) * scale, 46 * scale + 0.3 * stout, 62 * scale), sign * 0.42))
        limbs.append(Ellipsoid((sign * (spread + 42 * scale + 0.5 * stout + apart), top + 75 * scale, -5.0), (140 * scale, 42 * scale + 0.45 * stout, 46 * scale + 0.4 * stout), np.pi / 2 - sign * 0.13))
    _hull(chest, trunk, limbs)
    body = trunk.length()
    if anatomy.breast:
        size = (0.7 + 0.45 * anatomy.breast) * scale
        for sign in (-1.0, 1.0):
            shape = Ellipsoid((sign * 82 * scale, 92 * scale, 92 * scale), (72 * size, 56 * size, 60 * anatomy.breast * scale), sign * 0.25)
            window, chords = chest.solid(shape)
            # it lies flat on the chest above and hangs over a fold below
            hang = ramp(chest.middle[1][window], 40 * scale, 135 * scale)
            body[window] += np.float32(0.5) * hang * chords.length()
    return body


def _airways(chest: Chest) -> np.ndarray:
    """Trachea, main bronchi, stomach bubble: air inside soft tissue."""
    anatomy, scale = chest.anatomy, chest.anatomy.scale
    air = np.zeros_like(chest.lung)
    tube(air, chest.beam, trachea_line(anatomy), 9.0 * scale, density=1.15, blur=0.2)
    for side, line in bronchi_lines(anatomy).items():
        tube(air, chest.beam, line, (6.4 if side == "right" else 5.8) * scale, density=1.1, blur=0.2)
    if anatomy.gastric_gas > 0.15:
        size = (0.5 + 0.5 * anatomy.gastric_gas) * scale
        shape = Ellipsoid((62 * scale, anatomy.dome["left"] + 10 * scale + 15 * size, 18.0), (32 * size, 14 * size, 36 * size), 0.1)
        window, chords = chest.solid(shape)
        # upright, the bubble stands on the level of what was drunk
        level = shape.centre[1] + 7 * size
        air[window] += chords.length() * ramp(chest.middle[1][window], level + 1.5, level - 1.5)
    return air
