"""Which image is in which part: decided before anything is reported on, and kept in OUTPUT/plan, never all in memory.

Each run that finds new images adds one Arrow file, with a record batch per part, so that a worker reads its own part
and nothing else. Parts are numbered through all files; a file is named by the number of its first one. Each holds the id
of the plan, which stands in the result set, too: the numbers mean nothing in another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa

from pipelines.output_folder import OutputFolder

FOLDER = "plan"
_ID = b"chex_ray_plan"
_SCHEMA = pa.schema([("uri", pa.string())])


@dataclass(frozen=True, slots=True)
class Plan:
    """`starts`: the number of each file's first part; `parts` and `images`: how many there are in all."""

    starts: tuple[int, ...]
    parts: int
    images: int
    id: str = ""  # "": there is none yet, or its files were written before plans had one


def read_plan(output: OutputFolder) -> Plan:
    """What earlier runs into this output planned. Raises ValueError if a file of it is missing, or is another plan's."""
    files = OutputFolder(output.uri(FOLDER)).names()
    starts = tuple(sorted(int(name.removesuffix(".arrow")) for name in files if name.endswith(".arrow")))
    parts, images, ids = 0, 0, set()
    for start in starts:
        batches, id = output.read_from(_file(start), lambda file: _told(pa.ipc.open_file(file)))
        ids.add(id)
        if start != parts or len(ids) > 1:
            raise ValueError(f"{output.uri(FOLDER)} lacks a file, or holds one of another plan: restore it as it was")
        parts += batches
        images += sum(len(uris) for uris in _batches(output, start))
    return Plan(starts, parts, images, *ids)


def planned_uris(output: OutputFolder, plan: Plan) -> Iterator[str]:
    """All images of the plan; one part at a time is in memory."""
    for start in plan.starts:
        for uris in _batches(output, start):
            yield from uris


def add_to_plan(output: OutputFolder, plan: Plan, uris: Iterable[str], images_per_part: int) -> Plan:
    """The plan with these images, too, which are sorted and new; nothing is written if there are none."""
    uris, parts, images = iter(uris), 0, 0
    first = list(islice(uris, images_per_part))
    if not first:
        return plan

    def fill(file) -> None:
        nonlocal parts, images
        schema = _SCHEMA.with_metadata({_ID: plan.id.encode()})
        with pa.ipc.new_file(file, schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
            some = first
            while some:
                writer.write_batch(pa.record_batch([pa.array(some, pa.string())], schema=schema))
                parts, images = parts + 1, images + len(some)
                some = list(islice(uris, images_per_part))

    output.write_large(_file(plan.parts), fill)
    return Plan((*plan.starts, plan.parts), plan.parts + parts, plan.images + images, plan.id)


def uris_of_part(output: OutputFolder, plan: Plan, number: int) -> list[str]:
    """The images of a part, in their order."""
    start = max(start for start in plan.starts if start <= number)
    return output.read_from(_file(start), lambda file: _uris(pa.ipc.open_file(file).get_batch(number - start)))


def _batches(output: OutputFolder, start: int) -> Iterator[list[str]]:
    with output.open_large(_file(start)) as file:
        reader = pa.ipc.open_file(file)
        for index in range(reader.num_record_batches):
            yield _uris(reader.get_batch(index))


def _told(file: pa.ipc.RecordBatchFileReader) -> tuple[int, str]:
    """How many parts a file has, and the id of its plan."""
    return file.num_record_batches, (file.schema.metadata or {}).get(_ID, b"").decode()


def _uris(batch: pa.RecordBatch) -> list[str]:
    return batch["uri"].to_pylist()


def _file(start: int) -> str:
    return f"{FOLDER}/{start:08}.arrow"
