"""Boxes of the 29 Chest ImaGenome regions, from the projected structures themselves."""

from __future__ import annotations

import numpy as np

from chex.records import Box
from pipelines.phantoms.anatomy import SIDES, SIGN
from pipelines.phantoms.chest import Chest
from pipelines.phantoms.organs import Ellipsoid, carina_point, heart_solids, hilum_points, trachea_line, vessel_solids
from pipelines.phantoms.skeleton import clavicle_line

PixelBox = tuple[float, float, float, float]  # column_min, row_min, column_max, row_max; may leave the image
LEAST_SHARE = 0.2  # of a region's area that must lie in the image


def region_boxes(chest: Chest) -> dict[str, Box]:
    """Every region that lies in the image, clipped to it; to be asked before diseases fill the lungs."""
    boxes = {**_lungs(chest), **_midline(chest)}
    shown = {name: clip_box(box, chest.beam.height, chest.beam.width) for name, box in boxes.items()}
    return {name: box for name, box in shown.items() if box is not None}


def clip_box(box: PixelBox, height: int, width: int, least: float = 2.0) -> Box | None:
    """The part of a pixel box inside the image, relative to it; None if too little of the box is left
    or a side is shorter than `least` pixels."""
    x_min, y_min, x_max, y_max = box
    left, right = max(x_min, 0.0), min(x_max, float(width))
    top, bottom = max(y_min, 0.0), min(y_max, float(height))
    if right - left < least or bottom - top < least:
        return None
    if (right - left) * (bottom - top) < LEAST_SHARE * (x_max - x_min) * (y_max - y_min):
        return None
    return (float(left / width), float(top / height), float(right / width), float(bottom / height))


def mask_box(mask: np.ndarray, top: int = 0, left: int = 0) -> PixelBox | None:
    """The tight box of a mask whose first pixel is at (top, left); None if the mask is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    return (left + float(columns[0]), top + float(rows[0]), left + float(columns[-1] + 1), top + float(rows[-1] + 1))


def place_box(chest: Chest, x: tuple[float, float], y: tuple[float, float], z: float) -> PixelBox:
    """The projection of an upright rectangle in mm; its sides' middles count, so that a tilted patient's stays tight."""
    middle_x, middle_y = (x[0] + x[1]) / 2, (y[0] + y[1]) / 2
    points = np.array([[x[0], middle_y, z], [x[1], middle_y, z], [middle_x, y[0], z], [middle_x, y[1], z]])
    rows, columns = chest.beam.project(points)
    return (columns[0], rows[2], columns[1], rows[3])


def solid_box(chest: Chest, solid: Ellipsoid) -> PixelBox:
    across, down = solid.extent()
    x, y, z = solid.centre
    return place_box(chest, (x - across, x + across), (y - down, y + down), z)


def union_box(*boxes: PixelBox) -> PixelBox:
    columns, rows, far_columns, far_rows = zip(*boxes, strict=True)
    return (min(columns), min(rows), max(far_columns), max(far_rows))


def zone_levels(chest: Chest) -> dict[str, float]:
    """Lower ends (mm) of the apical, upper and mid zones: clavicle, carina, and halfway from there to the domes."""
    scale, anatomy = chest.anatomy.scale, chest.anatomy
    upper = 6 * scale
    return {
        "apical": -52 * scale + 0.35 * anatomy.shoulder,
        "upper": upper,
        "mid": upper + 0.55 * (min(anatomy.dome.values()) - upper),
    }


def lung_mask(chest: Chest, side: str) -> np.ndarray:
    """Where a healthy lung makes the image dark: not where a thin layer lies before heart, spine or liver."""
    share = np.maximum(np.float32(0.38) * chest.cavity.length(), np.float32(8))
    return (chest.lung > share) & chest.sides[side]


def _lungs(chest: Chest) -> dict[str, PixelBox]:
    anatomy, scale = chest.anatomy, chest.anatomy.scale
    levels, hila = zone_levels(chest), hilum_points(anatomy)
    _, y = chest.middle
    boxes = {}
    for side in SIDES:
        mask = lung_mask(chest, side)
        lung = mask_box(mask)
        if lung is None:
            continue
        boxes[f"{side} lung"] = lung
        spans = {
            "apical zone": (-1e4, levels["apical"]),
            "upper lung zone": (-1e4, levels["upper"]),
            "mid lung zone": (levels["upper"], levels["mid"]),
            "lower lung zone": (levels["mid"], 1e4),
        }
        for name, (start, stop) in spans.items():
            box = mask_box(mask & (y >= start) & (y < stop))
            if box is not None:
                boxes[f"{side} {name}"] = box
        sign, hilum = SIGN[side], hila[side]
        inner, outer = sorted((hilum[0] - sign * 16 * scale, hilum[0] + sign * 30 * scale))
        boxes[f"{side} hilar structures"] = place_box(
            chest, (inner, outer), (hilum[1] - 32 * scale, hilum[1] + 42 * scale), hilum[2]
        )
        sulcus, dome = anatomy.sulcus[side], anatomy.dome[side]
        # the sharp end of the sulcus is too thin to be seen
        bottom = sulcus - 11 * scale
        wall = float(chest.profiles.chest_width[chest.profiles.index(np.float32(bottom))])
        wall = sign * wall + float(anatomy.spine_x(bottom))
        inner, outer = sorted((wall - sign * 48 * scale, wall + sign * 3))
        boxes[f"{side} costophrenic angle"] = place_box(chest, (inner, outer), (bottom - 46 * scale, bottom + 4), 0.0)
        inner, outer = sorted((sign * 16 * scale, wall))
        boxes[f"{side} hemidiaphragm"] = place_box(chest, (inner, outer), (dome - 5 * scale, bottom + 4), 0.0)
        line = clavicle_line(anatomy, side)
        rows, columns = chest.beam.project(line)
        thick = 9 * scale * chest.beam.magnification(40.0)
        boxes[f"{side} clavicle"] = (columns.min() - 2, rows.min() - thick, columns.max() + 2, rows.max() + thick)
    return boxes


def _midline(chest: Chest) -> dict[str, PixelBox]:
    anatomy, scale, beam = chest.anatomy, chest.anatomy.scale, chest.beam
    heart, vessels, carina = heart_solids(anatomy), vessel_solids(anatomy), carina_point(anatomy)
    silhouette = union_box(*(solid_box(chest, solid) for solid in heart.values()))
    arch, svc = solid_box(chest, vessels["arch"]), vessels["svc"]
    svc_x, atrium = svc.centre[0], heart["right atrium"]
    left_edge = vessels["arch"].centre[0] + vessels["arch"].extent()[0]
    right_edge = svc_x - svc.extent()[0] - 3 * scale
    upper = place_box(chest, (right_edge, left_edge), (-80 * scale, 12 * scale), 0.0)
    trachea = trachea_line(anatomy)
    trachea = trachea[trachea[:, 1] > carina[1] - 112 * scale]
    rows, columns = beam.project(trachea)
    breadth = 10 * scale * beam.magnification(0.0)
    spine_x = np.asarray(anatomy.spine_x(np.linspace(-150, 260, 30)))
    spine = place_box(chest, (spine_x.min() - 21 * scale, spine_x.max() + 21 * scale), (-300, 500), -58 * scale)
    top = min(anatomy.dome.values())
    reach = anatomy.chest_half_width + 0.3 * anatomy.wall
    across, down = atrium.extent()
    junction = atrium.centre[1] - 0.72 * down
    abdomen = place_box(chest, (-reach, reach), (top, top + 400), 0.0)
    return {
        "trachea": (columns.min() - breadth, max(rows.min(), 0.0), columns.max() + breadth, rows.max() + 2),
        "spine": (spine[0], 0.0, spine[2], float(beam.height)),
        "aortic arch": place_arch(arch),
        "mediastinum": union_box(upper, silhouette),
        "upper mediastinum": upper,
        "svc": place_box(
            chest, (right_edge, svc_x + 12 * scale), (-58 * scale, min(junction, svc.centre[1] + 54 * scale)), 6.0
        ),
        "cardiac silhouette": silhouette,
        "cavoatrial junction": place_box(
            chest, (svc_x - 20 * scale, svc_x + 19 * scale), (junction - 19 * scale, junction + 19 * scale), 8.0
        ),
        "right atrium": place_box(
            chest,
            (atrium.centre[0] - across, atrium.centre[0] + 0.25 * across),
            (atrium.centre[1] - 0.8 * down, atrium.centre[1] + 0.9 * down),
            atrium.centre[2],
        ),
        "carina": place_box(
            chest,
            (carina[0] - 23 * scale, carina[0] + 23 * scale),
            (carina[1] - 15 * scale, carina[1] + 24 * scale),
            -12.0,
        ),
        "abdomen": (abdomen[0], abdomen[1], abdomen[2], float(beam.height)),
    }


def place_arch(arch: PixelBox) -> PixelBox:
    """The knob with the part of the arch over the trachea, as the box is drawn on radiographs."""
    x_min, y_min, x_max, y_max = arch
    return (x_min - 0.05 * (x_max - x_min), y_min - 2, x_max + 1, y_max + 0.1 * (y_max - y_min))
