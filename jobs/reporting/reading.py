"""The first step of the graph: bytes -> pixels, or the reason why there are none."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from chex.body_part import off_topic
from chex.pixels import Radiograph, UnusableImage, header_alone, read_radiograph
from pipelines.raw.image_files import read_image_file

READABLE, NOT_CHEST, UNUSABLE = "readable", "not chest", "unusable"

READ_SCHEMA = pa.schema(
    [
        ("uri", pa.string()),
        ("part", pa.string()),
        ("outcome", pa.string()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("image_sha256", pa.string()),
        ("sop_instance_uid", pa.string()),
        ("study_instance_uid", pa.string()),
        ("pixels", pa.large_binary()),  # raw uint8, row by row
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("header", pa.large_binary()),  # a DICOM file without its pixels, where a chosen format needs it
    ]
)

log = logging.getLogger(__name__)


def read_images(batch: pa.Table, keep_header: bool = False) -> pa.Table:
    """A batch of (uri, part) -> READ_SCHEMA. Never raises for what an input holds."""
    rows = [
        {"uri": uri, "part": part, **_read(uri, keep_header)}
        for uri, part in zip(batch["uri"].to_pylist(), batch["part"].to_pylist(), strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=READ_SCHEMA)


def _read(uri: str, keep_header: bool) -> dict:
    try:
        data = _bytes_of(uri)
        radiograph = read_radiograph(data, uri)
        header = header_alone(data) if keep_header else None
    except UnusableImage as problem:
        return {"outcome": UNUSABLE, "stage": problem.stage, "reason": problem.reason}
    except FileNotFoundError:
        return {"outcome": UNUSABLE, "stage": "read", "reason": "the file does not exist"}
    except OSError as problem:
        return {"outcome": UNUSABLE, "stage": "read", "reason": f"the file cannot be read ({type(problem).__name__})"}
    except Exception as problem:
        # one odd file among a million must not stop the other 999,999; the log keeps what a developer needs
        log.exception("an unforeseen fault while reading an image")
        return {"outcome": UNUSABLE, "stage": "decode", "reason": f"unforeseen fault ({type(problem).__name__})"}
    reason = off_topic(radiograph.body_part)
    row = _identity(radiograph) | {"outcome": NOT_CHEST if reason else READABLE, "reason": reason}
    if reason is None:
        height, width = radiograph.pixels.shape
        row |= {"pixels": radiograph.pixels.tobytes(), "height": height, "width": width, "header": header}
    return row


def _identity(radiograph: Radiograph) -> dict:
    return {
        "image_sha256": radiograph.sha256,
        "sop_instance_uid": radiograph.sop_instance_uid,
        "study_instance_uid": radiograph.study_instance_uid,
    }


def _bytes_of(uri: str) -> bytes:
    shard, separator, place = uri.rpartition("#")
    if not (separator and shard.endswith(".parquet")):
        return read_image_file(uri)
    group, row = (int(number) for number in place.split(":"))
    with fsspec.open(shard, "rb") as file:
        column = pq.ParquetFile(file).read_row_group(group, columns=["image"])["image"]
        return column[row].as_py()


def readable(batch: pa.Table) -> Iterator[int]:
    """The places of a batch whose images have pixels."""
    return (place for place, outcome in enumerate(batch["outcome"].to_pylist()) if outcome == READABLE)
