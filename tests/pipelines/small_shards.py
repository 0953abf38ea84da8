"""Shards of made-up samples, written without the converter: a few seconds of training data for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from chex.pixels import encode_stored
from chex.records import Annotations, GroundedPhrase, PathologyBox, PathologyLabel, Region, Sample, Study
from pipelines.schema import FILE_SCHEMA, SCHEMA_VERSION, VERSION_KEY, to_row


def made_up_sample(dataset: str, split: str, number: int, size: int = 32) -> Sample:
    """An image whose left or right half is bright, with one region, one finding and one sentence about it."""
    generator = np.random.default_rng((number, len(dataset)))
    bright_left = number % 2 == 0  # the patient's right
    side = "right" if bright_left else "left"
    pixels = generator.integers(0, 60, (size, size), dtype=np.uint8)
    pixels[:, : size // 2] += np.uint8(120 * bright_left)
    pixels[:, size // 2 :] += np.uint8(120 * (not bright_left))
    box = (0.0, 0.0, 0.5, 1.0) if bright_left else (0.5, 0.0, 1.0, 1.0)
    annotations = Annotations(
        sentences=(f"Opacity in the {side} lung.",) if dataset == "words" else (),
        anatomy=(Region(f"{side} lung", box, (f"The {side} side is bright.",), ("cig/lung opacity",), True),),
        pathology_boxes=(PathologyBox("vindr/Lung Opacity", box, 3),),
        pathology_labels=(PathologyLabel("vindr/Lung Opacity", int(bright_left)),),
        grounded=(GroundedPhrase(f"{side} opacity", (box,), "ms-cxr/Lung Opacity"),),
    )
    study = Study(dataset, split, f"p{number}", f"s{number}", f"{number:05d}", f"made/up/{number}.png", "PA")
    image = encode_stored(pixels)
    return Sample(study, annotations, image, size, size, 2 * size, 2 * size, ("made up",), "0" * 64, "test")


def write_shards(
    folder: Path,
    counts: dict[tuple[str, str], int],
    *,
    rows_per_group: int = 8,
    groups_per_file: int = 2,
    size: int = 32,
    version: str = SCHEMA_VERSION,
) -> str:
    """Writes `counts[dataset, split]` samples each; returns the URI to read them from."""
    for (dataset, split), count in counts.items():
        target = folder / f"dataset={dataset}" / f"split={split}"
        target.mkdir(parents=True)
        rows = [to_row(made_up_sample(dataset, split, number, size)) for number in range(count)]
        for part, start in enumerate(range(0, count, rows_per_group * groups_per_file)):
            some = rows[start : start + rows_per_group * groups_per_file]
            schema = FILE_SCHEMA.with_metadata({VERSION_KEY: version.encode()})
            table = pa.Table.from_pylist(
                [{name: row[name] for name in FILE_SCHEMA.names} for row in some], schema=schema
            )
            parquet.write_table(table, target / f"part-{part:05d}.parquet", row_group_size=rows_per_group)
    return str(folder)
