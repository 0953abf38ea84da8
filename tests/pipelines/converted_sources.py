"""A whole conversion of small sources in this process, without Ray, and what became of every image."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipelines.conversion.manifest import manifest
from pipelines.conversion.shard import ShardTask, convert_shard
from pipelines.convert import Conversion, prepare
from pipelines.shards import samples
from tests.pipelines.small_sources import SmallSource

IDENTIFIERS = re.compile(r"1000000\d|5000000\d|\daa804e|0000000\d_|[ae]\dbcdef|CXR\d_|IM-0001")  # of all small sources


@dataclass
class Converted:
    output: Path
    manifest: dict[str, Any]
    quarantine: list[dict[str, str]]  # all rows of all quarantine files

    def reason_of(self, image: Path) -> str | None:
        """The stage and the reason why an image of the source is in quarantine; None if it is not."""
        found = [f"{row['stage']}: {row['reason']}" for row in self.quarantine if row["uri"] == str(image)]
        return found[0] if len(found) == 1 else None

    def images(self) -> set[str]:
        """Ids of the images that became rows."""
        return {
            sample.study.image_id
            for split in self.manifest["rows"][self.dataset]
            for sample in samples(str(self.output), split, columns=["image_id"])
        }

    @property
    def dataset(self) -> str:
        return next(iter(self.manifest["rows"]))


def convert_small(small: SmallSource, output: Path, *more: SmallSource) -> Converted:
    """Converts one small source, or several; no reason in quarantine may name a patient or an image."""
    sources = dict.fromkeys(source for one in (small, *more) for source in one.sources)
    conversion = Conversion(sources=tuple(sources), output=str(output), image_size=16, rows_per_shard=3)
    plan = prepare(conversion)
    task = ShardTask(conversion.sources, str(output), conversion.image_size, plan.hash)
    finished = {index: convert_shard(index, task) for index in range(len(plan.shards))}
    content = manifest(conversion.settings, plan, finished)
    files = sorted((output / "quarantine").glob("*.parquet")) if (output / "quarantine").is_dir() else []
    quarantine = [row for file in files for row in pq.read_table(file).to_pylist()]
    for row in quarantine:
        if IDENTIFIERS.search(row["reason"]):
            raise ValueError(f"a reason names a patient or an image: {row['reason']}")
    return Converted(output, content, quarantine)
