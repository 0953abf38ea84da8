"""The healthy patient in the beam: lungs between chest wall, mediastinum and diaphragm, as depth intervals."""

from __future__ import annotations

import numpy as np

from pipelines.phantoms.anatomy import SIDES, Anatomy, profiles_of
from pipelines.phantoms.beam import Beam
from pipelines.phantoms.body import air_thickness, body_thickness, grain
from pipelines.phantoms.chest import Chest, cavity_wall
from pipelines.phantoms.organs import descending_aorta, heart_solids, vessel_solids
from pipelines.phantoms.solids import NOWHERE, Interval, interval_around, ramp
from pipelines.phantoms.strokes import tube


def project_chest(beam: Beam, anatomy: Anatomy, supine: bool = False) -> Chest:
    """Body, lungs, mediastinum, diaphragm and airways of a patient without diseases."""
    rays = beam.rays()
    profiles = profiles_of(anatomy)
    chest = Chest(
        beam=beam, anatomy=anatomy, profiles=profiles, rays=rays, middle=rays.at(np.float32(0)), supine=supine
    )
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
    chest.enclose(solid, heart_solids(anatomy).values())
    chest.enclose(solid, vessel_solids(anatomy).values())
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
    chest.body = body_thickness(chest, x_spine, level)
    chest.air = air_thickness(chest)
    chest.soft = chest.body - lung * np.float32(1 - anatomy.lung_density)
    chest.soft += grain(chest)
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
