"""Model folders wherever they lie: a store's folder is copied to a disk while it is read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.output_folder import OutputFolder


def model_folder_exists(place: str | Path) -> bool:
    """True if a model folder is there, local or s3://…"""
    return OutputFolder(str(place)).exists("config.json")


@contextmanager
def model_folder_on_disk(place: str | Path) -> Iterator[Path]:
    """The folder itself, or a copy of it that is there while the block runs."""
    if "://" not in str(place):
        yield Path(place)
        return
    source = OutputFolder(str(place))
    with tempfile.TemporaryDirectory() as folder:
        for name in sorted(source.files()):
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            source.fetch(name, target)
        yield Path(folder)
