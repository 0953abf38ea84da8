"""Conversions without Ray: the plan, and every shard of it in this process."""

from __future__ import annotations

from pathlib import Path

from pipelines.conversion.shard import ShardCounts, ShardTask, convert_shard
from pipelines.conversion.shard_plan import ShardPlan
from pipelines.convert import Conversion, prepare


def planned(output: Path, *sources: tuple[str, object], **settings) -> tuple[Conversion, ShardPlan]:
    """`sources` are (kind, root)."""
    given = tuple((kind, str(root)) for kind, root in sources)
    conversion = Conversion(sources=given, output=str(output), **{"image_size": 30} | settings)
    return conversion, prepare(conversion)


def convert_here(output: Path, *sources: tuple[str, object], **settings) -> tuple[ShardPlan, list[ShardCounts]]:
    conversion, plan = planned(output, *sources, **settings)
    task = ShardTask(conversion.sources, conversion.output, conversion.image_size, plan.hash, run=conversion.output)
    return plan, [convert_shard(index, task) for index in range(len(plan.shards))]
