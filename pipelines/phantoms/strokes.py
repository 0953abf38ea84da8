"""Thin things in bulk: vessels, wires, tubes and lines as rows of soft dots that add up to chords."""

from __future__ import annotations

import numpy as np


def splat(image: np.ndarray, rows: np.ndarray, columns: np.ndarray, sigma: np.ndarray, weight: np.ndarray) -> None:
    """Adds Gaussian dots to `image` in place.

    rows, columns, sigma (n,) in pixels; weight (n,) is each dot's integral over the image in value times pixels.
    """
    radius = int(np.ceil(2.4 * float(sigma.max(initial=0.3))))
    height, width = image.shape
    span = radius + 1
    padded_width, extent = width + 2 * span, (width + 2 * span) * (height + 2 * span)
    inside = (rows > -1) & (rows < height) & (columns > -1) & (columns < width)
    rows, columns = rows[inside].astype(np.float32), columns[inside].astype(np.float32)
    if rows.size == 0:
        return
    sigma, weight = sigma[inside].astype(np.float32), weight[inside].astype(np.float32)
    top, left = np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64)
    offsets = np.arange(-radius, radius + 2)
    fall = (np.float32(-0.5) / (sigma * sigma))[:, None]
    down = np.exp(fall * (top[:, None] + offsets - rows[:, None]).astype(np.float32) ** 2)
    across = np.exp(fall * (left[:, None] + offsets - columns[:, None]).astype(np.float32) ** 2)
    down *= (weight / (down.sum(axis=1) * across.sum(axis=1)))[:, None]
    values = (down[:, :, None] * across[:, None, :]).ravel()
    flat = (top + span)[:, None, None] * padded_width + (left + span)[:, None, None]
    flat = flat + (offsets * padded_width)[None, :, None] + offsets[None, None, :]
    flat = flat.ravel()
    summed = np.bincount(flat, weights=values, minlength=extent).reshape(height + 2 * span, padded_width)
    image += summed[span : span + height, span : span + width].astype(np.float32)


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
    steps = np.hypot(np.gradient(rows), np.gradient(columns))
    sigma = np.sqrt((0.5 * radius * per_mm) ** 2 + blur**2)
    splat(image, rows, columns, sigma, density * np.pi * radius * radius * per_mm * steps)
