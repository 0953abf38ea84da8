"""Shards -> batches of decoded, augmented images with their samples, in this process or through Ray Data.

Both ways give the same batches in the same order, whatever the number of processes that prepare them. A batch is
{"images": uint8 (B, S, S), "samples": list of B samples whose boxes are relative to the model image and whose image
bytes are empty}; "images" is absent where only the words are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chex.augmentation import augment, frame_annotations, sample_generator
from chex.geometry import Fit, Frame
from chex.pixels import decode_stored
from chex.records import Sample
from chex.training_config import AugmentationConfig, DataConfig
from chex.vocabulary import load
from pipelines.rows.blocks import Block, column, regrouped
from pipelines.rows.packing import pack, unpack
from pipelines.rows.row_groups import units_of
from pipelines.rows.training_plan import Window, stored_windows, training_windows
from pipelines.rows.window_rows import StoredRow, read_rows
from pipelines.schema import from_row

Batch = dict[str, Any]
_BLOCK_ROWS = 32  # rows that a task hands on at once: the first batch need not wait for a whole window


@dataclass(frozen=True, slots=True)
class Feed:
    """The windows of a run (pipelines/rows/training_plan.py) and what to do with their rows."""

    windows: tuple[Window, ...]
    batch_size: int
    image_size: int
    fit: Fit = "stretch"
    augmentation: AugmentationConfig | None = None
    seed: int = 0
    images: bool = True
    drop_last: bool = True
    start: int = 0  # so many rows of the run come before the windows

    def __len__(self) -> int:
        """How many batches there are."""
        rows = sum(window.count for window in self.windows)
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """The batches, made in this process."""
        blocks = (block for window in self.windows for block in self.blocks(window))
        for rows in regrouped(blocks, self.batch_size, drop_last=self.drop_last):
            yield _batch(rows)

    def dataset(self):
        """The rows as a Ray Dataset whose tasks read and decode; pass its iterator to `batches_of`.

        The order of the batches is that of `__iter__` if the dataset runs with preserve_order, which is set here
        and has to be kept by a Trainer's DataConfig.
        """
        import ray

        windows, feed = self.windows, replace(self, windows=())
        starts = np.cumsum([self.start, *(window.count for window in windows)])

        def read(block: Block) -> Iterator[Block]:
            for index in block["id"]:
                position = starts[int(index)]
                for rows in feed.blocks(windows[int(index)]):
                    count = len(rows["sample"])
                    packed = {"sample": column(pack(sample) for sample in rows["sample"])}
                    yield rows | packed | {"position": np.arange(position, position + count)}
                    position += count

        dataset = ray.data.range(len(windows), override_num_blocks=max(1, len(windows)))
        dataset = dataset.map_batches(read, batch_size=None, batch_format="numpy", zero_copy_batch=True)
        dataset.context.execution_options.preserve_order = True
        dataset.context.enable_progress_bars = False  # whoever uses the batches knows how far it is
        return dataset

    def batches_of(self, iterator) -> Iterator[Batch]:
        """The batches of a Ray Dataset or DataIterator (`ray.train.get_dataset_shard`) that `dataset` gave.

        Raises ValueError if it was set up to start elsewhere in the run, or does not keep the order.
        """
        rows = iterator.iter_batches(
            batch_size=self.batch_size, batch_format="numpy", prefetch_batches=2, drop_last=self.drop_last
        )
        expected = self.start
        for block in rows:
            found = block.pop("position")
            if not np.array_equal(found, np.arange(expected, expected + len(found))):
                raise ValueError(
                    f"expected the rows of the run from {expected} on, found {found[:8].tolist()} …: the dataset starts "
                    "elsewhere, or does not keep its order"
                )
            expected += len(found)
            yield _batch(block | {"sample": [unpack(packed) for packed in block["sample"]]})

    def blocks(self, window: Window) -> Iterator[Block]:
        """The window's rows in order of use: samples and, where asked for, images (n, S, S) uint8.

        Raises ValueError or OSError that names the shard, and the row where one is at fault.
        """
        rows = read_rows(window, images=self.images)
        order = window.order()
        for start in range(0, len(order), _BLOCK_ROWS):
            prepared = [self._prepared(rows[index], window.epoch) for index in order[start : start + _BLOCK_ROWS]]
            block = {"sample": column(sample for _, sample in prepared)}
            yield {"image": np.stack([image for image, _ in prepared]), **block} if self.images else block

    def _prepared(self, row: StoredRow, epoch: int) -> tuple[np.ndarray | None, Sample]:
        try:
            sample = from_row(row.values)
            pixels = decode_stored(sample.image) if self.images else None
        except ValueError as error:
            raise ValueError(f"{row.place}: {error}") from error
        if pixels is None:
            return None, replace(sample, image=b"")
        frame = Frame(*pixels.shape, self.image_size, self.fit)
        if self.augmentation is None:
            image, annotations = frame.image(pixels), frame_annotations(sample.annotations, frame)
        else:
            image, annotations = augment(
                pixels,
                sample.annotations,
                frame=frame,
                config=self.augmentation,
                generator=sample_generator(self.seed, epoch, sample.study.sample_id, row.copy),
                vocabulary=load(),
            )
        size = self.image_size
        return image, replace(sample, annotations=annotations, image=b"", height=size, width=size)


def training_batches(
    uri: str,
    *,
    data: DataConfig,
    augmentation: AugmentationConfig | None,
    steps: int,
    start_step: int = 0,
    seed: int = 0,
    split: str = "train",
    datasets: Iterable[str] | None = None,
    needs: Sequence[str] = (),
    images: bool = True,
    rank: int = 0,
    workers: int = 1,
) -> Feed:
    """The batches `start_step` to `steps` of one worker: its part of `data.batch_size` samples each.

    They depend on the shards, the seed and the number of workers only; `start_step` leaves out what a resumed run
    has used. `datasets` and `needs` choose rows as in `units_of`. Raises ValueError if there are none, or if the
    workers' parts of a batch would differ in size.
    """
    size, rest = divmod(data.batch_size, workers)
    if rest:
        raise ValueError(f"batch_size: expected a multiple of the {workers} workers, found {data.batch_size}")
    windows = training_windows(
        units_of(uri, split, datasets=datasets, needs=needs),
        rows=steps * size,
        start=start_step * size,
        seed=seed,
        window_rows=data.shuffle_buffer,
        oversample=data.oversample,
        rank=rank,
        workers=workers,
    )
    start = start_step * size
    return Feed(tuple(windows), size, data.image_size, data.fit, augmentation, seed, images, start=start)


def validation_batches(
    uri: str,
    *,
    data: DataConfig,
    split: str = "validate",
    datasets: Iterable[str] | None = None,
    needs: Sequence[str] = (),
    images: bool = True,
    batch_size: int | None = None,
) -> Feed:
    """Every row of a split once, always in the same order, unchanged but for the size; the last batch may be smaller."""
    windows = stored_windows(units_of(uri, split, datasets=datasets, needs=needs))
    size = batch_size or data.batch_size
    return Feed(tuple(windows), size, data.image_size, data.fit, images=images, drop_last=False)


def _batch(rows: Mapping[str, Any]) -> Batch:
    batch: Batch = {"samples": list(rows["sample"])}
    if "image" in rows:
        batch["images"] = np.require(rows["image"], requirements=("C", "W"))  # Ray's blocks are read-only
    return batch
