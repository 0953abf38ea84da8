"""Training from shards that are damaged, far away or large: what is wrong is named, and only what is needed is read."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from chex.training_config import AugmentationConfig, DataConfig
from pipelines.batches import training_batches, validation_batches
from pipelines.rows.row_groups import units_of
from pipelines.rows.training_plan import Piece, Window
from pipelines.rows.window_rows import read_rows
from pipelines.schema import FILE_SCHEMA, SCHEMA_VERSION, VERSION_KEY, to_row
from pipelines.shards import samples
from tests.pipelines.small_shards import made_up_sample, write_shards
from tests.s3_server import BUCKET, s3_in_use

DATA = DataConfig(batch_size=4, image_size=32, shuffle_buffer=16)


def only_shard(folder: Path) -> Path:
    (path,) = folder.glob("*/*/*.parquet")
    return path


def first_batches(folder: Path):
    return list(training_batches(str(folder), data=DATA, augmentation=AugmentationConfig(), steps=4))


def with_broken_image(folder: Path) -> Path:
    """Sixteen rows in row groups of eight; the image of row 3 of the second group is no image any more."""
    rows = [to_row(made_up_sample("boxes", "train", number)) for number in range(16)]
    rows[11]["image"] = rows[11]["image"][:-40]
    target = folder / "dataset=boxes" / "split=train"
    target.mkdir(parents=True)
    table = pa.Table.from_pylist(
        [{name: row[name] for name in FILE_SCHEMA.names} for row in rows],
        schema=FILE_SCHEMA.with_metadata({VERSION_KEY: SCHEMA_VERSION.encode()}),
    )
    parquet.write_table(table, target / "part-00000.parquet", row_group_size=8)
    return target / "part-00000.parquet"


def test_a_broken_image_is_named_by_its_place(tmp_path):
    path = with_broken_image(tmp_path)
    with pytest.raises(ValueError, match=f"{path}, row group 1, row 3: expected an 8-bit grayscale PNG"):
        first_batches(tmp_path)


def test_a_broken_image_is_named_through_ray_too(tmp_path, ray_local):
    path = with_broken_image(tmp_path)
    feed = validation_batches(str(tmp_path), data=DATA, split="train")
    with pytest.raises(ray_local.exceptions.RayTaskError, match=f"{path}, row group 1, row 3"):
        list(feed.batches_of(feed.dataset()))


@pytest.mark.parametrize("left", [0, 7, 0.5, 0.999])
def test_a_shard_that_is_cut_short_is_named_before_training(tmp_path, left):
    write_shards(tmp_path, {("boxes", "train"): 16})
    path = only_shard(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: left if isinstance(left, int) else int(len(content) * left)])
    for read in (first_batches, lambda folder: list(samples(str(folder), "train"))):
        with pytest.raises(ValueError, match=f"{path}: expected a complete Parquet file; it is cut short or damaged"):
            read(tmp_path)


def test_damage_is_noticed_where_it_is_read_and_only_there(tmp_path):
    """Zeros over the second row group: the first one is read as ever, for nothing else of the file is touched."""
    write_shards(tmp_path, {("boxes", "train"): 16})
    path = only_shard(tmp_path)
    column = parquet.ParquetFile(path).metadata.row_group(1).column(FILE_SCHEMA.names.index("image"))
    content = bytearray(path.read_bytes())
    start = column.dictionary_page_offset or column.data_page_offset
    content[start : start + column.total_compressed_size] = bytes(column.total_compressed_size)
    path.write_bytes(content)
    batches = iter(validation_batches(str(tmp_path), data=DataConfig(batch_size=8, image_size=32), split="train"))
    with pytest.raises(ValueError, match=f"{path}: expected a complete Parquet file; it is cut short or damaged"):
        next(batches)
    first, second = units_of(str(tmp_path), "train")
    assert [row.values["image_id"] for row in read_rows(Window((Piece(first),)), images=True)] == [
        f"{number:05d}" for number in range(8)
    ]
    assert len(read_rows(Window((Piece(second),)), images=False)) == 8  # the images alone are damaged


def test_a_shard_that_goes_away_is_named(tmp_path):
    write_shards(tmp_path, {("boxes", "train"): 16})
    feed = validation_batches(str(tmp_path), data=DATA, split="train")
    only_shard(tmp_path).unlink()
    with pytest.raises(FileNotFoundError, match="part-00000.parquet"):
        list(feed)


def test_memory_follows_the_window_and_not_the_dataset(tmp_path):
    """Stored images are Python objects from the moment they are read: what is held of them is traced."""

    def peak(rows: int) -> int:
        folder = tmp_path / str(rows)
        folder.mkdir()
        uri = write_shards(folder, {("boxes", "train"): rows}, rows_per_group=16, size=64)
        feed = training_batches(uri, data=DATA, augmentation=None, steps=rows // 4)
        tracemalloc.start()
        for _ in feed:
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(32)  # what is loaded once
    assert peak(640) < 1.5 * peak(64)


def test_training_reads_from_an_object_store(tmp_path):
    uri = write_shards(tmp_path, {("words", "train"): 20, ("boxes", "train"): 9})
    with s3_in_use() as server:
        server.filesystem.put(uri, f"{BUCKET}/shards", recursive=True)
        remote, local = (
            list(training_batches(root, data=DATA, augmentation=AugmentationConfig(), steps=9, needs=["anatomy"]))
            for root in (f"s3://{BUCKET}/shards", uri)
        )
        assert [batch["samples"] for batch in remote] == [batch["samples"] for batch in local]
        assert all((one["images"] == other["images"]).all() for one, other in zip(remote, local, strict=True))
