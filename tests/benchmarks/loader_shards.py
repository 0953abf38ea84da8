"""Shards as the converter writes them, at the size of Chest ImaGenome's annotations, from a few phantoms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from chex.pixels import encode_stored, resize
from chex.records import Annotations, Box, GroundedPhrase, PathologyBox, PathologyLabel, Region, Sample, Study
from chex.vocabulary import load
from pipelines.phantoms.image import render
from pipelines.schema import FILE_SCHEMA, SCHEMA_VERSION, VERSION_KEY, to_row

STORED = 256  # pixels of the shorter side
_ROWS_PER_FILE, _ROWS_PER_GROUP = 256, 64
_SENTENCES = (
    "Small right pleural effusion with adjacent basilar atelectasis.",
    "The cardiomediastinal silhouette is stable in appearance.",
    "No pneumothorax is seen on the left.",
    "Left-sided pacemaker with leads in the right atrium and right ventricle.",
)


def write_loader_shards(folder: Path, rows: int, phantoms: int = 48) -> str:
    """`rows` training samples of all regions, with sentences, findings and labels; returns the URI to read them from."""
    images = [_stored(seed) for seed in range(phantoms)]
    generator = np.random.default_rng(0)
    target = folder / "dataset=mimic-cxr-jpg" / "split=train"
    target.mkdir(parents=True)
    plain = [name for name in FILE_SCHEMA.names if name != "image"]
    schema = FILE_SCHEMA.with_metadata({VERSION_KEY: SCHEMA_VERSION.encode()})
    for part, start in enumerate(range(0, rows, _ROWS_PER_FILE)):
        some = [
            to_row(_sample(number, images[number % phantoms], generator))
            for number in range(start, min(rows, start + _ROWS_PER_FILE))
        ]
        table = pa.Table.from_pylist([{name: row[name] for name in FILE_SCHEMA.names} for row in some], schema=schema)
        parquet.write_table(
            table, target / f"part-{part:05d}.parquet", row_group_size=_ROWS_PER_GROUP, compression="zstd",
            use_dictionary=plain, write_statistics=plain,
        )  # fmt: skip
    return str(folder)


def _stored(seed: int) -> np.ndarray:
    pixels = render(seed, size=2 * STORED).pixels
    grey = (pixels / pixels.max() * 255).astype(np.uint8)
    shrink = STORED / min(grey.shape)
    return resize(grey, round(grey.shape[0] * shrink), round(grey.shape[1] * shrink))


def _sample(number: int, pixels: np.ndarray, generator: np.random.Generator) -> Sample:
    def box() -> Box:
        (left, right), (top, bottom) = np.sort(generator.uniform(0, 1, (2, 2)))
        return float(left), float(top), float(right), float(bottom)

    vocabulary = load()
    said = tuple(generator.choice(_SENTENCES, 6).tolist())
    annotations = Annotations(
        sentences=said,
        indication="Chest pain, evaluate for pneumonia.",
        anatomy=tuple(
            Region(name, box(), said[: number % 3], ("cig/lung opacity", "cig/pleural effusion"), True)
            for name in vocabulary.regions
        ),
        pathology_boxes=tuple(PathologyBox("vindr/Pleural effusion", box(), 3) for _ in range(3)),
        pathology_labels=tuple(PathologyLabel(label, 1) for label in vocabulary.labels_of("chexpert")),
        grounded=(GroundedPhrase(said[0], (box(),)),),
    )
    study = Study("mimic-cxr-jpg", "train", f"p{number}", f"s{number}", f"{number:07d}", f"files/{number}.jpg", "PA")
    return Sample(study, annotations, encode_stored(pixels), *pixels.shape, 3056, 2544, ("made up",), "0" * 64, "0")
