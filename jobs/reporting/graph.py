"""The Ray Data graph of a report run: numbers of parts in, what became of each part out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import pyarrow as pa

from jobs.actor_place import quieten_ray_data
from jobs.reporting.actors import Detector, Generator, ModelUse
from jobs.reporting.counts import Counts
from jobs.reporting.pools import WRITER_CPUS, Pool, Pools
from jobs.reporting.reading import PartReader
from jobs.reporting.writing import PartWriter
from pipelines.stores import StoreUnreachable

# Ray Data's own default is to try for ever, also what kills every process that touches it
_TRIES_AFTER_A_CRASH = 2  # of reading and writing
_TRIES_OF_AN_ACTOR = 8  # of a part; it may only have waited there when the actor was lost


def finished_parts(
    numbers: Sequence[int], reader: PartReader, use: ModelUse, writer: PartWriter, pools: Pools
) -> Iterator[tuple[int, Counts]]:
    """The number and the counts of every part whose files are written, in the order in which they finish.

    Raises:
        StoreUnreachable: a store does not answer.
        ray.exceptions.WorkerCrashedError: a process that read or wrote died again and again.
    """
    import ray.data

    if not numbers:
        return
    quieten_ray_data()
    one = {"batch_format": "pyarrow", "batch_size": 1, "zero_copy_batch": True}
    with warnings.catch_warnings():
        # Ray Data is about to give the number of tries another place; until then this is its only one
        warnings.simplefilter("ignore", DeprecationWarning)
        dataset = (
            ray.data.from_items(list(numbers), override_num_blocks=len(numbers))
            .map_batches(_read, fn_args=(reader,), num_cpus=pools.reader_cpus, max_retries=_TRIES_AFTER_A_CRASH, **one)
            .map_batches(Detector, fn_constructor_args=(use,), **_actors(pools.detectors), **one)
            .map_batches(Generator, fn_constructor_args=(use,), **_actors(pools.generators), **one)
            .map_batches(_write, fn_args=(writer,), num_cpus=WRITER_CPUS, max_retries=_TRIES_AFTER_A_CRASH, **one)
        )
    for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
        for found in batch.to_pylist():
            if found["fault"] is not None:
                raise StoreUnreachable(found["fault"])
            yield found["part"], Counts.from_json(found["counts"])


def _read(batch: pa.Table, reader: PartReader) -> pa.Table:
    return reader(batch["item"][0].as_py())


def _write(batch: pa.Table, writer: PartWriter) -> pa.Table:
    return writer(batch)


def _actors(pool: Pool) -> dict:
    from ray.data import ActorPoolStrategy

    return {
        "compute": ActorPoolStrategy(size=pool.actors),
        "max_task_retries": _TRIES_OF_AN_ACTOR,
        **(pool.resources or {}),
    }
