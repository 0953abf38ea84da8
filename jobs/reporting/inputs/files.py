"""Whatever fsspec opens: an image, a list of images, a folder of images, or converted shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import fsspec

from chex.pixels.file_names import suffix_of
from jobs.reporting.inputs.folder import files_below, is_image
from jobs.reporting.inputs.list_file import LIST_SUFFIXES, listed
from jobs.reporting.inputs.shards import ShardRows, is_shard_row, rows_of_shard
from jobs.reporting.inputs.spelling import one_spelling, opened_as, printable
from pipelines.raw.image_files import read_image_file
from pipelines.stores import filesystem_of, patiently


def list_images(uri: str, left_alone: Counter[str]) -> Iterator[str]:
    """See `jobs.reporting.inputs.Kind`. Hidden files are passed over in silence."""
    filesystem, path = filesystem_of(uri, **_FRESH)
    if patiently(lambda: filesystem.isfile(path), uri):
        address = filesystem.unstrip_protocol(path)
        if suffix_of(path) in LIST_SUFFIXES:
            return listed(filesystem, path, address, uri)
        return rows_of_shard(filesystem, path) if suffix_of(path) == ".parquet" else iter((one_spelling(address),))
    if not patiently(lambda: filesystem.exists(path), uri):
        raise ValueError(f"the input {uri} does not exist")
    return _of_folder(filesystem, path, left_alone)


_FRESH = {"use_listings_cache": False}  # a listing that is kept would hold every name of the archive


def _of_folder(filesystem: fsspec.AbstractFileSystem, root: str, left_alone: Counter[str]) -> Iterator[str]:
    """Files with an image's suffix or none; in a folder without any, the rows of its Parquet files.

    What an image's file really holds is found out when it is read.
    """
    shards, images = [], 0
    for path in files_below(filesystem, root):
        name = path.rsplit("/", 1)[-1]
        suffix = suffix_of(path)
        if suffix == ".parquet":
            # unusable inputs of a conversion are Parquet too, but there is nothing to look at in them
            if "quarantine" not in path[len(root) :].split("/"):
                shards.append(path)
        elif is_image(name, suffix):
            images += 1
            yield one_spelling(filesystem.unstrip_protocol(path))
        else:
            left_alone[printable(suffix or name)] += 1
    if images and shards:
        left_alone[".parquet"] += len(shards)
    elif not images:
        for path in shards:
            yield from rows_of_shard(filesystem, path)


@contextmanager
def reading() -> Iterator[Callable[[str], bytes]]:
    """See `jobs.reporting.inputs.Kind`."""
    rows = ShardRows()

    def read(uri: str) -> bytes:
        place = opened_as(uri)
        return patiently(lambda: rows.read(place) if is_shard_row(place) else read_image_file(place), place)

    yield read
