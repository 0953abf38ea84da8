"""A small tree of images among other files, as an archive has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def make_archive(root: Path) -> Path:
    """Five images in a folder, two files that are none, and files to be left alone."""
    (root / "deeper").mkdir()
    for seed in range(5):
        pixels = np.random.default_rng(seed).integers(0, 255, (80 + seed, 100), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "deeper" / f"image{seed}.png")
    (root / "notes.csv").write_text("a,b\n")
    (root / ".hidden.png").write_bytes(b"")
    (root / "no_suffix").write_text("no image at all")
    (root / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    return root


def make_pictures(root: Path, count: int) -> Path:
    """So many images, each of its own."""
    root.mkdir()
    for seed in range(count):
        pixels = np.random.default_rng(seed).integers(0, 255, (80, 80), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"image{seed:03}.png")
    return root
