"""Model folders wherever they lie: a store's folder is copied to a disk while it is read.

"phantom" is the folder that comes with the package, on whichever machine it is asked for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chex.embedded import PHANTOM, phantom_folder
from pipelines.output_folder import OutputFolder


def model_folder_exists(place: str | Path) -> bool:
    """True if a model folder is there, local or s3://…"""
    return OutputFolder(_root(place)).exists("config.json")


def checked_model_folder(place: str | Path) -> str:
    """The folder as processes with another working directory find it. Raises ValueError if none is there."""
    if not model_folder_exists(place):
        raise ValueError(f"{place} is no model folder: it has no config.json")
    return PHANTOM if str(place) == PHANTOM else OutputFolder(str(place)).root


@contextmanager
def model_folder_on_disk(place: str | Path) -> Iterator[Path]:
    """The folder itself, or a copy of it that is there while the block runs.

    Raises FileNotFoundError if a store has no such folder.
    """
    if "://" not in str(place):
        yield Path(_root(place))
        return
    source = OutputFolder(str(place))
    names = sorted(source.files())
    if not names:
        raise FileNotFoundError(f"{place} is no model folder: nothing is there")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            source.fetch(name, target)
        yield Path(folder)


def _root(place: str | Path) -> str:
    return str(phantom_folder() if str(place) == PHANTOM else place)
