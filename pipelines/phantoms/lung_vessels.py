"""The pulmonary vessels: trees that branch from each hilum to the pleura, tapering, inside the aerated lung."""

from __future__ import annotations

import numpy as np

from pipelines.phantoms.anatomy import SIDES, SIGN
from pipelines.phantoms.chest import Chest
from pipelines.phantoms.organs import hilum_points
from pipelines.phantoms.solids import ramp
from pipelines.phantoms.strokes import splat, tube

ANGLES, MARCH = 72, 44
STEPS = 9  # points along one branch


def add_vessels(chest: Chest, random: np.random.Generator, calibre: float = 1.0) -> None:
    """Draws both trees into the soft tissue, weighted by how much lung there is to be seen against."""
    image = np.zeros_like(chest.lung)
    for side in SIDES:
        points, radii = _tree(chest, side, random)
        radii = radii * (chest.anatomy.vessel_calibre * calibre)
        _draw(chest, image, points, radii)
        _hilum(chest, image, side, random)
    image *= ramp(chest.aerated, 0.0, 35.0)
    chest.soft += image * np.float32(0.85)


def _reach(chest: Chest, side: str) -> np.ndarray:
    """Distance in mm from the hilum to the lung's border in ANGLES directions (0 = outwards, clockwise to the feet)."""
    beam, hilum = chest.beam, hilum_points(chest.anatomy)[side]
    angles = np.arange(ANGLES) * (2 * np.pi / ANGLES)
    distance = np.linspace(4, 230, MARCH) * chest.anatomy.scale
    points = np.empty((ANGLES, MARCH, 3))
    points[..., 0] = hilum[0] + SIGN[side] * np.cos(angles)[:, None] * distance
    points[..., 1] = hilum[1] + np.sin(angles)[:, None] * distance
    points[..., 2] = 0.0
    rows, columns = beam.project(points)
    row, column = np.round(rows).astype(int), np.round(columns).astype(int)
    inside = (row >= 0) & (row < beam.height) & (column >= 0) & (column < beam.width)
    lung = chest.lung[np.clip(row, 0, beam.height - 1), np.clip(column, 0, beam.width - 1)]
    # outside of the picture the lung is taken to go on
    open_lung = (lung > 12) | (~inside & (distance[None, :] < 110 * chest.anatomy.scale))
    last = MARCH - 1 - np.argmax(open_lung[:, ::-1], axis=1)
    return np.where(open_lung.any(axis=1), distance[last], 8.0)


def _tree(chest: Chest, side: str, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Centre lines (branches, STEPS, 3) in mm and radii (branches, STEPS)."""
    reach = _reach(chest, side)
    roots = np.radians(np.array([-95, -72, -50, -28, -5, 22, 40, 58, 74, 92]) + random.normal(0, 6, 10))
    angle, share = roots, np.full(roots.size, 0.03)
    radius = np.where(roots < 0, 2.9 * chest.anatomy.upper_vessels / 0.8, 3.4) * random.uniform(0.85, 1.15, 10)
    depth = random.uniform(-0.25, 0.25, 10)
    lines, radii = [], []
    for generation, (length, spread) in enumerate(((0.28, 0.12), (0.25, 0.3), (0.22, 0.28), (0.2, 0.25))):
        count = angle.size
        next_angle = angle + random.normal(0, 0.4 * spread, count)
        next_share = share + length * random.uniform(0.7, 1.25, count) * (1.04 - share)
        next_depth = depth + random.normal(0, 0.16, count)
        along = np.linspace(0, 1, STEPS)
        bend = random.normal(0, 0.09, count)[:, None] * np.sin(np.pi * along)
        theta = angle[:, None] + (next_angle - angle)[:, None] * along + bend
        rho = share[:, None] + (next_share - share)[:, None] * along
        lines.append((theta, rho, depth[:, None] + (next_depth - depth)[:, None] * along))
        end = radius * 0.82
        radii.append(radius[:, None] + (end - radius)[:, None] * along)
        fork = random.uniform(0.5, 1.4, count) * spread
        angle = np.concatenate([next_angle + fork, next_angle - fork * 0.8])
        share, depth = np.tile(next_share, 2), np.tile(next_depth, 2)
        radius = np.concatenate([end * random.uniform(0.68, 0.92, count), end * random.uniform(0.55, 0.85, count)])
    theta, rho, level = (np.concatenate([line[part] for line in lines]) for part in range(3))
    where = (theta / (2 * np.pi) * ANGLES) % ANGLES
    low = where.astype(int) % ANGLES
    far = reach[low] + (reach[(low + 1) % ANGLES] - reach[low]) * (where - np.floor(where))
    hilum = hilum_points(chest.anatomy)[side]
    points = np.empty((*theta.shape, 3))
    points[..., 0] = hilum[0] + SIGN[side] * np.cos(theta) * rho * far
    points[..., 1] = hilum[1] + np.sin(theta) * rho * far
    points[..., 2] = hilum[2] + level * chest.anatomy.chest_half_depth * np.sqrt(np.clip(rho, 0, 1))
    return points, np.concatenate(radii) * chest.anatomy.scale


def _draw(chest: Chest, image: np.ndarray, points: np.ndarray, radii: np.ndarray) -> None:
    beam = chest.beam
    rows, columns = beam.project(points)
    # even spacing of about one pixel: as many dots on each piece as the longest piece of its branch needs
    gaps = np.hypot(np.diff(rows, axis=1), np.diff(columns, axis=1))
    dots = 3
    fraction = (np.arange(dots) + 0.5) / dots

    def between(values: np.ndarray) -> np.ndarray:
        return (values[:, :-1, None] + np.diff(values, axis=1)[:, :, None] * fraction).ravel()

    radius = between(radii)
    per_mm = beam.magnification(between(points[..., 2]))
    weight = np.pi * radius * radius * per_mm * np.repeat(gaps.ravel(), dots) / dots
    sigma = np.sqrt((0.5 * radius * per_mm) ** 2 + 0.3**2)
    down, across = between(rows), between(columns)
    # few dots are large; the small ones need few pixels
    for part in (sigma < 0.62, sigma >= 0.62):
        splat(image, down[part], across[part], sigma[part], weight[part])


def _hilum(chest: Chest, image: np.ndarray, side: str, random: np.random.Generator) -> None:
    """The pulmonary arteries and lower lobe trunks that make the hilar shadow."""
    scale, beam = chest.anatomy.scale, chest.beam
    hilum = hilum_points(chest.anatomy)[side]
    out = SIGN[side]
    size = scale * random.uniform(0.9, 1.12) * chest.anatomy.vessel_calibre
    if side == "right":
        courses = [(np.array([[16, -6, 0], [2, -2, 0], [-5, 12, 0], [-8, 30, 0], [-10, 46, 0]], float), 7.6)]
    else:
        courses = [(np.array([[-18, -2, 0], [-4, -8, 0], [5, 0, 0], [8, 18, 0], [9, 36, 0]], float), 7.6)]
    courses.append((np.array([[-6 * out, 2, 4], [6 * out, -12, 4], [14 * out, -26, 4]], float), 4.2))
    courses.append((np.array([[-6 * out, 30, -4], [10 * out, 38, -4], [24 * out, 50, -4]], float), 3.8))
    for course, radius in courses:
        tube(image, beam, hilum + course * scale, radius * size, density=0.95)
