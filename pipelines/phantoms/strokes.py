"""Thin things in bulk: vessels, wires, tubes and lines as rows of soft dots that add up to chords."""

from __future__ import annotations

import numpy as np


def splat(image: np.ndarray, rows: np.ndarray, columns: np.ndarray, sigma: np.ndarray, weight: np.ndarray) -> None:
    """Adds Gaussian dots to `image` in place.

    rows, columns, sigma (n,) in pixels; weight (n,) is each dot's integral over the image in value times pixels.
    """
    radius = int(np.ceil(2.4 * float(sigma.max(initial=0.3))))
    height, width = image.shape
    inside = (rows > -1) & (rows < height) & (columns > -1) & (columns < width)
    rows, columns = rows[inside].astype(np.float32), columns[inside].astype(np.float32)
    if rows.size == 0:
        return
    sigma, weight = sigma[inside].astype(np.float32), weight[inside].astype(np.float32)
    top, left = np.floor(rows).astype(np.int32), np.floor(columns).astype(np.int32)
    offsets = np.arange(-radius, radius + 2, dtype=np.int32)
    fall = (np.float32(-0.5) / (sigma * sigma))[:, None]
    near = offsets.astype(np.float32)
    down = np.exp(fall * (near + (top - rows)[:, None].astype(np.float32)) ** 2)
    across = np.exp(fall * (near + (left - columns)[:, None].astype(np.float32)) ** 2)
    down *= (weight / (down.sum(axis=1) * across.sum(axis=1)))[:, None]
    values = down[:, :, None] * across[:, None, :]
    # the canvas holds the dots' surroundings only, and is cut to the image afterwards
    first_row, first_column = int(top.min()) - radius, int(left.min()) - radius
    canvas_height = int(top.max()) + radius + 2 - first_row
    canvas_width = int(left.max()) + radius + 2 - first_column
    corner = (top - first_row) * np.int32(canvas_width) + (left - first_column)
    footprint = (offsets[:, None] * np.int32(canvas_width) + offsets[None, :]).ravel()
    flat = (corner[:, None] + footprint[None, :]).ravel()
    canvas = np.bincount(flat, weights=values.ravel(), minlength=canvas_height * canvas_width)
    canvas = canvas.reshape(canvas_height, canvas_width)
    up, back = max(-first_row, 0), max(-first_column, 0)
    bottom, right = min(first_row + canvas_height, height), min(first_column + canvas_width, width)
    image[first_row + up : bottom, first_column + back : right] += canvas[
        up : bottom - first_row, back : right - first_column
    ].astype(np.float32)


def resample(points: np.ndarray, step: float) -> np.ndarray:
    """Points (n, 3) along a polyline at even distances of about `step` mm."""
    pieces = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(pieces)])
    count = max(int(along[-1] / step) + 1, 2)
    places = np.linspace(0, along[-1], count)
    return np.stack([np.interp(places, along, points[:, axis]) for axis in range(3)], axis=1)


def tube(image: np.ndarray, beam, points: np.ndarray, radius: float, density: float = 1.0, blur: float = 0.35) -> None:
    """Adds a solid tube of `radius` mm along `points` (n, 3) mm to a map of thicknesses in mm."""
    line = resample(points, max(0.6 * beam.spacing, 0.5 * radius))
    rows, columns = beam.project(line)
    if len(rows) < 2:
        return
    per_mm = beam.magnification(line[:, 2])
    gaps = np.hypot(np.diff(rows), np.diff(columns))
    steps = np.empty(len(rows))
    steps[0], steps[-1], steps[1:-1] = gaps[0] / 2, gaps[-1] / 2, (gaps[1:] + gaps[:-1]) / 2
    sigma = np.sqrt((0.5 * radius * per_mm) ** 2 + blur**2)
    splat(image, rows, columns, sigma, density * np.pi * radius * radius * per_mm * steps)


def segments(image: np.ndarray, beam, starts: np.ndarray, ends: np.ndarray, radius: float, density: float) -> None:
    """Adds many short straight tubes at once; starts and ends (n, 3) in mm."""
    longest = float(np.linalg.norm(ends - starts, axis=1).max(initial=0.0))
    count = max(int(longest / (0.6 * beam.spacing)), 2)
    share = ((np.arange(count) + 0.5) / count)[None, :, None]
    points = starts[:, None] + (ends - starts)[:, None] * share
    rows, columns = beam.project(points)
    per_mm = beam.magnification(points[..., 2])
    length = np.linalg.norm(ends - starts, axis=1)[:, None] * per_mm / count
    sigma = np.hypot(0.5 * radius * per_mm, 0.35)
    weight = density * np.pi * radius * radius * per_mm * length
    splat(image, rows.ravel(), columns.ravel(), sigma.ravel(), weight.ravel())
