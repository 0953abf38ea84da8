"""A conversion of the small VinDr-CXR folder that the fixture `vindr` gives, and what its files hold."""

from __future__ import annotations

import hashlib

from chex.vocabulary import load
from pipelines.convert import Conversion

NAMES = [label.partition("/")[2] for label in load().labels_of("vindr-image")]


def conversion(root, output, **changes) -> Conversion:
    settings = {"image_size": 30, "rows_per_shard": 4} | changes
    return Conversion(sources=(("vindr-cxr", str(root)),), output=str(output), **settings)


def fingerprints(folder) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
