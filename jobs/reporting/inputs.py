"""Which images a report run is about: a folder tree, a list file, one image, or converted shards."""

from __future__ import annotations

import csv
import io
import posixpath
from collections import Counter
from dataclasses import dataclass

import fsspec

IMAGE_SUFFIXES = (".dcm", ".dicom", ".jpg", ".jpeg", ".png")
LIST_SUFFIXES = (".txt", ".csv")
LIST_COLUMNS = ("uri", "path", "image")


@dataclass(frozen=True, slots=True)
class Inputs:
    """`uris` are sorted and unique, local ones absolute and normalised; an image within a shard is `SHARD#ROW_GROUP:ROW`.

    `skipped`: how many files were left alone, by suffix, most first.
    """

    uris: tuple[str, ...]
    skipped: tuple[tuple[str, int], ...] = ()


def list_inputs(uri: str) -> Inputs:
    """Everything under `uri` that may be an image. Hidden files are passed over in silence.

    In a folder, files with an image's suffix or none are taken (what they hold is found out when they are
    read); in a folder with Parquet files, their rows. Raises ValueError if there is nothing to read.
    """
    filesystem, path = fsspec.core.url_to_fs(uri)
    if not filesystem.exists(path):
        raise ValueError(f"the input {uri} does not exist")
    if filesystem.isfile(path):
        if _suffix(path) in LIST_SUFFIXES:
            found = _from_list(filesystem.cat_file(path), filesystem.unstrip_protocol(path), uri)
            inputs = Inputs(tuple(sorted(set(found))))
        elif _suffix(path) == ".parquet":
            inputs = Inputs(tuple(_rows_of_shard(filesystem, path)))
        else:
            inputs = Inputs((_uri(filesystem, path),))
    else:
        inputs = _from_folder(filesystem, path)
    if not inputs.uris:
        left = ", ".join(f"{count} × {suffix}" for suffix, count in inputs.skipped) or "it is empty"
        raise ValueError(f"the input {uri} has no image; expected {', '.join(IMAGE_SUFFIXES)}; found: {left}")
    return inputs


def _from_folder(filesystem, root: str) -> Inputs:
    images: list[str] = []
    shards: list[str] = []
    skipped: Counter[str] = Counter()
    for path in sorted(filesystem.find(root)):
        parts = path[len(root) :].strip("/").split("/")
        if any(part.startswith(".") for part in parts):
            continue
        suffix = _suffix(path)
        if suffix == ".parquet":
            # unusable inputs of a conversion are Parquet too, but there is nothing to look at in them
            if "quarantine" not in parts:
                shards.append(path)
        elif suffix in IMAGE_SUFFIXES or (not suffix and parts[-1] != "DICOMDIR"):
            images.append(_uri(filesystem, path))
        else:
            skipped[suffix or parts[-1]] += 1
    if shards and not images:
        rows = [row for path in shards for row in _rows_of_shard(filesystem, path)]
        return Inputs(tuple(rows), tuple(skipped.most_common()))
    if shards:
        skipped[".parquet"] += len(shards)
    return Inputs(tuple(sorted(images)), tuple(skipped.most_common()))


def _from_list(data: bytes, address: str, uri: str) -> list[str]:
    """The URIs of a list file; relative ones are relative to the folder of the list."""
    text = data.decode("utf-8-sig")
    if _suffix(address) == ".csv":
        rows = csv.DictReader(io.StringIO(text))
        column = next((name for name in LIST_COLUMNS if name in (rows.fieldnames or ())), None)
        if column is None:
            raise ValueError(
                f"the list {uri} needs a column {' or '.join(LIST_COLUMNS)}; found {', '.join(rows.fieldnames or ())}"
            )
        entries = [row[column] or "" for row in rows]
    else:
        entries = [line for line in text.splitlines() if not line.startswith("#")]
    folder = posixpath.dirname(_one_spelling(address))
    entries = [entry.strip() for entry in entries if entry.strip()]
    return [
        _one_spelling(entry) if "://" in entry or entry.startswith("/") else _within(folder, entry) for entry in entries
    ]


def _within(folder: str, entry: str) -> str:
    """A relative entry of a list in `folder`, which may be remote."""
    scheme, separator, root = folder.rpartition("://")
    return f"{scheme}{separator}{posixpath.normpath(posixpath.join(root, entry))}"


def _one_spelling(uri: str) -> str:
    """An absolute path without doubled slashes and dots; a store's keys mean what they spell."""
    path = uri.removeprefix("file://")
    return path if "://" in path else posixpath.normpath("/" + path.lstrip("/"))


def _rows_of_shard(filesystem, path: str) -> list[str]:
    import pyarrow.parquet as pq

    with filesystem.open(path, "rb") as file:
        shard = pq.ParquetFile(file)
        if "image" not in shard.schema_arrow.names:
            raise ValueError(f"{path} is no converted shard: it has no column `image`")
        groups = [shard.metadata.row_group(index).num_rows for index in range(shard.metadata.num_row_groups)]
    address = _uri(filesystem, path)
    return [f"{address}#{group:05d}:{row:05d}" for group, rows in enumerate(groups) for row in range(rows)]


def _suffix(path: str) -> str:
    suffix = posixpath.splitext(posixpath.basename(path))[1].lower()
    # a file named by its UID (1.2.840.10008.5) has no suffix, whatever the dots suggest
    return "" if suffix[1:].isdigit() else suffix


def _uri(filesystem, path: str) -> str:
    return _one_spelling(filesystem.unstrip_protocol(path))
