"""Archives for the benchmarks of report runs: many files, which are links to a few."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def phantoms(count: int, side: int) -> list[np.ndarray]:
    """(H, W) uint8, the longer side `side`, as a screen shows them."""
    from pipelines.phantoms.grey_levels import display_window, windowed
    from pipelines.phantoms.image import render

    pixels = (render(seed, side).pixels for seed in range(count))
    return [windowed(image, *display_window(image)) for image in pixels]


def write_pictures(folder: Path, pictures: Sequence[np.ndarray]) -> list[Path]:
    folder.mkdir(parents=True)
    paths = [folder / f"{place}.png" for place in range(len(pictures))]
    for path, pixels in zip(paths, pictures, strict=True):
        Image.fromarray(pixels).save(path)
    return paths


def write_archive(root: Path, paths: Sequence[Path], images: int) -> Path:
    """1,000 files in a folder at most."""
    for place in range(images):
        target = root / f"{place // 1000:05}" / f"image-{place:07}.png"
        if place % 1000 == 0:
            target.parent.mkdir(parents=True)
        target.hardlink_to(paths[place % len(paths)])
    return root
