"""Predictions on Ray Data: tasks read and decode parts, actors that hold the model answer their batches."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from jobs.evaluation.model_source import SessionFactory
from jobs.evaluation.parts import DecodedBatch, Part, batches_of
from jobs.evaluation.predicting import TasksOfSplits, predict_batch
from jobs.evaluation.task import Row
from pipelines.rows.packing import pack, unpack

_PLACE = [pa.field("part", pa.int64()), pa.field("number", pa.int64()), pa.field("of", pa.int64())]
# one row is one batch of the model: however Ray cuts and joins blocks, no image changes its neighbours
_BATCH_SCHEMA = pa.schema(
    [
        *_PLACE,
        ("split", pa.string()),
        ("samples", pa.list_(pa.large_binary())),
        ("pixels", pa.list_(pa.large_binary())),  # raw uint8, row by row
        ("shapes", pa.list_(pa.list_(pa.int64()))),
    ]
)
_ROWS_SCHEMA = pa.schema([*_PLACE, ("rows", pa.large_string())])  # JSON: by task


class Predictor:
    """_BATCH_SCHEMA -> _ROWS_SCHEMA: the model with all tasks."""

    def __init__(self, factory: SessionFactory, device: str, tasks: TasksOfSplits) -> None:
        self._session, self._tasks = factory(device), tasks

    def __call__(self, batch: pa.Table) -> pa.Table:
        rows = [self._rows(batch, place) for place in range(batch.num_rows)]
        places = [batch[field.name].combine_chunks() for field in _PLACE]
        return pa.Table.from_arrays([*places, pa.array(rows, pa.large_string())], schema=_ROWS_SCHEMA)

    def _rows(self, batch: pa.Table, place: int) -> str:
        samples = [unpack(packed) for packed in batch["samples"][place].as_py()]
        shapes = batch["shapes"][place].as_py()
        images = [
            np.frombuffer(pixels.as_buffer(), np.uint8).reshape(shape)
            for pixels, shape in zip(batch["pixels"][place], shapes, strict=True)
        ]
        tasks = self._tasks[batch["split"][place].as_py()]
        return json.dumps(predict_batch(tasks, self._session, samples, images))


def predicted(
    parts: Sequence[Part],
    tasks: TasksOfSplits,
    factory: SessionFactory,
    *,
    batch_size: int,
    actors: int,
    device: str = "auto",
) -> Iterator[tuple[Part, dict[str, list[Row]]]]:
    """Each part and its rows by task, as they come; this process holds only those of unfinished parts."""
    waiting: dict[int, dict[int, dict[str, list[Row]]]] = defaultdict(dict)
    done = 0
    for block in _graph(parts, tasks, factory, batch_size=batch_size, actors=actors, device=device):
        for line in block.to_pylist():
            batches = waiting[line["part"]]
            batches[line["number"]] = json.loads(line["rows"])
            if len(batches) == line["of"]:
                yield parts[line["part"]], _joined(waiting.pop(line["part"]))
                done += 1
    if done < len(parts):
        raise RuntimeError(f"{len(parts) - done} of {len(parts)} parts did not get all their images through")


def _joined(batches: Mapping[int, Mapping[str, Sequence[Row]]]) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for number in sorted(batches):
        for name, found in batches[number].items():
            rows.setdefault(name, []).extend(found)
    return rows


def _graph(parts, tasks, factory, *, batch_size: int, actors: int, device: str) -> Iterator[pa.Table]:
    import ray
    from ray.data import ActorPoolStrategy

    from jobs.actor_place import place_for_actors, quieten_ray_data

    quieten_ray_data()
    place = place_for_actors(device, actors)

    def read(block: pa.Table) -> Iterator[pa.Table]:
        for number in block["part"].to_pylist():
            part = parts[number]
            for batch in batches_of(part, tuple(tasks[part.split].values()), batch_size):
                yield _as_row(number, part.split, batch)

    dataset = (
        ray.data.from_arrow([pa.table({"part": [number]}) for number in range(len(parts))])
        .map_batches(read, batch_format="pyarrow", batch_size=None)
        .map_batches(
            Predictor,
            fn_constructor_args=(factory, place.device, tasks),
            compute=ActorPoolStrategy(size=actors),
            batch_format="pyarrow",
            batch_size=1,
            zero_copy_batch=True,
            **place.resources,
        )
    )
    return dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1)


def _as_row(part: int, split: str, batch: DecodedBatch) -> pa.Table:
    row = {
        "part": part,
        "number": batch.number,
        "of": batch.of,
        "split": split,
        "samples": [pack(sample) for sample in batch.samples],
        "pixels": [image.tobytes() for image in batch.images],
        "shapes": [list(image.shape) for image in batch.images],
    }
    return pa.Table.from_pylist([row], schema=_BATCH_SCHEMA)
