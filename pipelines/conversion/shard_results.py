"""The one Ray Data graph of a conversion: shard numbers in, what became of each shard out."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from pipelines.adapters import SourceError
from pipelines.conversion.shard import ShardCounts, ShardTask, convert_shard
from pipelines.freed_memory import keep_freed_memory
from pipelines.stores import StoreUnreachable, store_faults, told

_TRIES_AFTER_A_CRASH = 2  # Ray Data's own default is to try for ever, also what kills every worker
_FAULTS = {"source": SourceError, "store": StoreUnreachable}


def shard_results(shards: Sequence[int], task: ShardTask) -> Iterator[tuple[int, ShardCounts]]:
    """The number and the counts of every shard, in the order in which they finish.

    Raises:
        SourceError, StoreUnreachable: as `convert_shard` does.
        ray.exceptions.WorkerCrashedError: a shard's process died again and again.
    """
    import ray.data

    if not shards:
        return
    # one progress bar is enough, and importing ray.data has just set its own level
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    logging.getLogger("ray.data._internal.progress").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    shown, context.enable_progress_bars = context.enable_progress_bars, False
    try:
        with warnings.catch_warnings():
            # Ray Data is about to give the number of tries another place; until then this is its only one
            warnings.simplefilter("ignore", DeprecationWarning)
            dataset = ray.data.from_items(list(shards), override_num_blocks=len(shards)).map_batches(
                _convert_batch,
                batch_size=1,
                batch_format="numpy",
                fn_kwargs={"task": task},
                max_retries=_TRIES_AFTER_A_CRASH,
            )
        for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
            for row in batch.to_pylist():
                if row["fault"] is not None:
                    raise _FAULTS[row["kind"]](row["fault"])
                yield row["shard"], ShardCounts.from_json(row["counts"])
    finally:
        context.enable_progress_bars = shown


def _convert_batch(batch: dict[str, Any], task: ShardTask) -> pa.Table:
    # a fault goes back as text: wrapped into Ray's exceptions nobody would find it, and not all can be sent
    shard = int(batch["item"][0])
    counts, kind, fault = None, None, None
    keep_freed_memory()
    try:
        counts = convert_shard(shard, task).to_json()
    except SourceError as error:
        kind, fault = "source", str(error)
    except StoreUnreachable as error:
        kind, fault = "store", str(error)
    except store_faults() as error:
        kind, fault = "store", told(error)
    schema = pa.schema([("shard", pa.int64()), *((name, pa.string()) for name in ("counts", "kind", "fault"))])
    return pa.Table.from_pylist([{"shard": shard, "counts": counts, "kind": kind, "fault": fault}], schema)
