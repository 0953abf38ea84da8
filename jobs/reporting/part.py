"""What flows through the graph: one row is one part, from the reading of its images to the file of its reports.

However Ray cuts and joins blocks, no image changes its neighbours, so that a run that goes on writes the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from chex.geometry import Fit, Frame

READABLE, NOT_REPORTED, UNUSABLE = "readable", "not reported", "unusable"

_PART = [("part", pa.int64()), ("images", pa.large_string()), ("headers", pa.list_(pa.large_binary()))]
# `fault`: why the run cannot go on (a store that does not answer); then the rest of the row is empty
READ_SCHEMA = pa.schema([*_PART, ("pixels", pa.large_binary()), ("fault", pa.string())])
DETECTED_SCHEMA = pa.schema(
    [*_PART, ("answers", pa.large_string()), ("tokens", pa.large_binary()), ("fault", pa.string())]
)
WRITTEN_SCHEMA = pa.schema([*_PART, ("findings", pa.large_string()), ("fault", pa.string())])
DONE_SCHEMA = pa.schema([("part", pa.int64()), ("counts", pa.large_string()), ("fault", pa.string())])


@dataclass(frozen=True, slots=True)
class ReadImage:
    """One input after it was read. `outcome` is READABLE, NOT_REPORTED or UNUSABLE, the last two with a reason."""

    uri: str
    outcome: str
    reason: str | None = None
    stage: str | None = None  # where an unusable one was refused
    sha256: str | None = None
    sop_instance_uid: str | None = None
    study_instance_uid: str | None = None
    height: int = 0  # of the picture in the file
    width: int = 0


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The square picture that a model looks at."""

    size: int
    fit: Fit

    def frame(self, image: ReadImage) -> Frame:
        return Frame(image.height, image.width, self.size, self.fit)


def row(schema: pa.Schema, **values: object) -> pa.Table:
    """A table of one row; what is not given is null."""
    return pa.Table.from_pylist([values], schema=schema)


def packed_images(images: Iterable[ReadImage]) -> str:
    return json.dumps([list(asdict(image).values()) for image in images])


def unpacked_images(batch: pa.Table) -> list[ReadImage]:
    """The images of a part, in the order of the plan."""
    return [ReadImage(*values) for values in json.loads(batch["images"][0].as_py())]


def unpacked_pixels(batch: pa.Table, size: int) -> np.ndarray:
    """(n, S, S) uint8 of the readable images, a view into the batch."""
    return np.frombuffer(batch["pixels"][0].as_buffer(), np.uint8).reshape(-1, size, size)


def readable(images: Sequence[ReadImage]) -> list[ReadImage]:
    return [image for image in images if image.outcome == READABLE]


def carried(batch: pa.Table) -> dict[str, object]:
    """What every step hands on as it came."""
    return {name: batch[name][0].as_py() for name in ("part", "images", "headers")}
