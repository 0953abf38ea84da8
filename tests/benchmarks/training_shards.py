"""Shards of phantoms, made and converted as the demo does it: what a training run of the tiny preset reads."""

from __future__ import annotations

import os
from pathlib import Path

from pipelines.conversion.shard import ShardTask, convert_shard
from pipelines.convert import Conversion, prepare
from pipelines.phantoms.studies import write_phantoms

_SOURCES = ("mimic-cxr-jpg", "mimic-cxr-reports", "chest-imagenome", "vindr-cxr")


def write_training_shards(folder: Path, studies: int) -> str:
    """Phantoms of all kinds below the new `folder`, in this process; returns the URI to train from."""
    raw, shards = folder / "raw", str(folder / "shards")
    write_phantoms(raw, studies=studies, seed=1, image_size=256, workers=len(os.sched_getaffinity(0)))
    conversion = Conversion(sources=tuple((kind, str(raw / kind)) for kind in _SOURCES), output=shards)
    plan = prepare(conversion)
    task = ShardTask(conversion.sources, conversion.output, conversion.image_size, plan.hash)
    for index in range(len(plan.shards)):
        convert_shard(index, task)
    return shards
