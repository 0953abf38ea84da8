"""Shards -> batches of decoded, augmented images with their samples, in this process or through Ray Data.

Both ways give the same batches in the same order. A batch is {"images": uint8 (B, S, S), "samples": list of B
samples whose boxes are relative to the model image and whose image bytes are empty}; "images" is absent where
only the words are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chex.augmentation import augment, frame_annotations, sample_generator
from chex.geometry import Fit, Frame
from chex.records import Sample
from chex.training_config import AugmentationConfig, DataConfig
from pipelines.packing import pack, unpack
from pipelines.training_plan import Window, stored_windows, training_windows, units_of

Batch = dict[str, Any]
_BLOCK_ROWS = 32  # rows that a task hands on at once: the first batch need not wait for a whole window


@dataclass(frozen=True, slots=True)
class Feed:
    """The windows of a run (pipelines/training_plan.py) and what to do with their rows."""

    windows: tuple[Window, ...]
    batch_size: int
    image_size: int
    fit: Fit = "stretch"
    augmentation: AugmentationConfig | None = None
    seed: int = 0
    images: bool = True
    drop_last: bool = True

    def __len__(self) -> int:
        """How many batches there are."""
        rows = sum(window.count for window in self.windows)
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """The batches, made in this process."""
        blocks = (block for window in self.windows for block in self.blocks(window))
        for rows in _regrouped(blocks, self.batch_size, self.drop_last):
            yield _batch(rows)

    def dataset(self):
        """The rows as a Ray Dataset whose tasks read and decode; pass its iterator to `batches_of`.

        The order of the batches is that of `__iter__` if the dataset runs with preserve_order, which is set here
        and has to be kept by a Trainer's DataConfig.
        """
        import ray

        windows, feed = self.windows, replace(self, windows=())

        def read(block: dict[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
            for index in block["id"]:
                yield from feed.blocks(windows[int(index)])

        dataset = ray.data.range(len(windows), override_num_blocks=max(1, len(windows)))
        dataset = dataset.map_batches(read, batch_size=None, batch_format="numpy", zero_copy_batch=True)
        dataset.context.execution_options.preserve_order = True
        dataset.context.enable_progress_bars = False  # whoever uses the batches knows how far it is
        return dataset

    def batches_of(self, iterator) -> Iterator[Batch]:
        """The batches of a Ray Dataset or DataIterator (`ray.train.get_dataset_shard`) that `dataset` gave."""
        rows = iterator.iter_batches(
            batch_size=self.batch_size, batch_format="numpy", prefetch_batches=2, drop_last=self.drop_last
        )
        return map(_batch, rows)

    def blocks(self, window: Window) -> Iterator[dict[str, np.ndarray]]:
        """The window's rows in order of use: packed samples and, where asked for, images (n, S, S) uint8."""
        from pipelines.schema import from_row

        rows = _read(window, self.images)
        order = window.order()
        for start in range(0, len(order), _BLOCK_ROWS):
            images, samples = [], []
            for index in order[start : start + _BLOCK_ROWS]:
                copy, row = rows[index]
                image, sample = self._prepared(from_row(row), window.epoch, copy)
                images.append(image)
                samples.append(pack(sample))
            block = {"sample": np.array(samples, dtype=object)}
            yield {"image": np.stack(images), **block} if self.images else block

    def _prepared(self, sample: Sample, epoch: int, copy: int) -> tuple[np.ndarray | None, Sample]:
        if not self.images:
            return None, replace(sample, image=b"")
        from chex.pixels import decode_stored
        from chex.vocabulary import load

        pixels = decode_stored(sample.image)
        frame = Frame(*pixels.shape, self.image_size, self.fit)
        if self.augmentation is None:
            image, annotations = frame.image(pixels), frame_annotations(sample.annotations, frame)
        else:
            image, annotations = augment(
                pixels,
                sample.annotations,
                frame=frame,
                config=self.augmentation,
                generator=sample_generator(self.seed, epoch, sample.study.sample_id, copy),
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
    has used. `datasets` and `needs` choose rows as in `units_of`. Raises ValueError if there are none.
    """
    size = data.batch_size // workers
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
    return Feed(tuple(windows), size, data.image_size, data.fit, augmentation, seed, images)


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


def _read(window: Window, images: bool) -> list[tuple[int, dict]]:
    """(copy, row) of every row of the window, in the order of its pieces; each row group is read once."""
    import fsspec
    from pyarrow import parquet

    tables: dict[tuple[str, int], Any] = {}
    rows: list[tuple[int, dict]] = []
    for piece in window.pieces:
        unit = piece.unit
        key = (unit.path, unit.row_group)
        if key not in tables:
            with fsspec.open(unit.path, "rb") as file:
                shard = parquet.ParquetFile(file)
                columns = [name for name in shard.schema_arrow.names if images or name != "image"]
                tables[key] = shard.read_row_group(unit.row_group, columns=columns)
        partition = {"dataset": unit.dataset, "split": unit.split}
        if not images:
            partition["image"] = b""
        taken = tables[key].take(list(unit.rows)).to_pylist()
        rows.extend((piece.copy, {**partition, **row}) for row in taken)
    return rows


def _regrouped(blocks: Iterable[dict[str, np.ndarray]], size: int, drop_last: bool) -> Iterator[dict[str, np.ndarray]]:
    """The same rows in blocks of `size`."""
    kept: list[dict[str, np.ndarray]] = []
    count = 0
    for block in blocks:
        kept.append(block)
        count += len(block["sample"])
        if count >= size:
            joined = {name: np.concatenate([part[name] for part in kept]) for name in block}
            for start in range(0, count - size + 1, size):
                yield {name: values[start : start + size] for name, values in joined.items()}
            kept = [{name: values[count - count % size :] for name, values in joined.items()}]
            count %= size
    if count and not drop_last:
        yield {name: np.concatenate([part[name] for part in kept]) for name in kept[0]}


def _batch(rows: dict[str, np.ndarray]) -> Batch:
    batch: Batch = {"samples": [unpack(packed) for packed in rows["sample"]]}
    if "image" in rows:
        batch["images"] = np.require(rows["image"], requirements=("C", "W"))  # Ray's blocks are read-only
    return batch
