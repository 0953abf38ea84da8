"""Further formats of a report: every module of chex.exports with a FORMAT name is one."""

from __future__ import annotations

import hashlib
import importlib
import pickle
import pkgutil
import posixpath
from collections.abc import Sequence
from types import ModuleType

import numpy as np
import pyarrow as pa

from jobs.reporting.results import Results


def formats() -> dict[str, ModuleType]:
    """FORMAT -> the module, which has SUFFIX and encode(report, pixels) -> bytes."""
    import chex.exports

    modules = (
        importlib.import_module(f"chex.exports.{entry.name}") for entry in pkgutil.iter_modules(chex.exports.__path__)
    )
    return {module.FORMAT: module for module in modules if hasattr(module, "FORMAT")}


def export(batch: pa.Table, chosen: Sequence[str], output: str) -> pa.Table:
    """Writes OUTPUT/FORMAT/NAME for each report of the batch and returns the batch without its pixels."""
    available, results = formats(), Results(output)
    for place in range(batch.num_rows):
        if not batch["pixels"][place].is_valid:
            continue
        shape = batch["height"][place].as_py(), batch["width"][place].as_py()
        pixels = np.frombuffer(batch["pixels"][place].as_buffer(), np.uint8).reshape(shape)
        report = pickle.loads(batch["report"][place].as_py())
        for name in chosen:
            module = available[name]
            file = export_name(batch["uri"][place].as_py()) + module.SUFFIX
            results.write(f"{module.FORMAT}/{file}", module.encode(report, pixels))
    return batch.select(["uri", "part", "row"])


def export_name(uri: str) -> str:
    """A readable name without suffix; equal names in different folders are told apart by a piece of a hash."""
    stem = posixpath.splitext(posixpath.basename(uri))[0]
    readable = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in stem)[:80]
    return f"{readable}-{hashlib.sha256(uri.encode()).hexdigest()[:8]}"
