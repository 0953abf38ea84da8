"""Folders that a job can only write on a disk: a store's URI in their place would quietly become a folder's name."""

from __future__ import annotations

import re
from pathlib import Path

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")  # two letters at least: "C:/" is a drive


def local_folder(place: str | Path) -> Path:
    """The absolute path of a folder.

    Raises ValueError for a URI, also for one of which `Path` has left a single slash.
    """
    if found := _SCHEME.match(str(place)):
        uri = f"{found[1]}://{str(place)[found.end() :]}"
        raise ValueError(
            f"--output: expected a folder on a disk, found {uri}; files are completed there by renaming, which a store "
            "cannot do: write to a folder, or a mounted one, and copy it"
        )
    return Path(place).resolve()
