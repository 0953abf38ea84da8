"""The files below a folder, one after the other: no listing of a whole archive is ever in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator

import fsspec

from pipelines.stores import patiently

PAGE = 1000  # names that an S3 is asked for at once, the most that it gives
IMAGE_SUFFIXES = (".dcm", ".dicom", ".jpg", ".jpeg", ".png")


def is_image(name: str, suffix: str) -> bool:
    """Whether a file may be an image, by what it is called."""
    return suffix in IMAGE_SUFFIXES or (not suffix and name != "DICOMDIR")


def files_below(filesystem: fsspec.AbstractFileSystem, root: str) -> Iterator[str]:
    """Paths in no particular order, without those that are hidden or in hidden folders.

    At a time it holds the folders still to visit (a disk), a page of names (S3), or the names of one folder.
    """
    root = root.rstrip("/")
    if "file" in filesystem.protocol:
        paths = _on_a_disk(root)
    elif hasattr(filesystem, "call_s3"):
        paths = _in_a_bucket(filesystem, root)
    else:
        paths = _elsewhere(filesystem, root)
    return (path for path in paths if not _is_hidden(path[len(root) :]))


def _on_a_disk(root: str) -> Iterator[str]:
    waiting, seen = [root], set()
    while waiting:
        folder = waiting.pop()
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            continue  # a link that leads back
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    waiting.append(entry.path)
                else:
                    yield entry.path


def _in_a_bucket(filesystem: fsspec.AbstractFileSystem, root: str) -> Iterator[str]:
    bucket, _, folder = root.partition("/")
    asked = {"Bucket": bucket, "Prefix": f"{folder}/" if folder else "", "MaxKeys": PAGE}
    while True:
        page = patiently(lambda: filesystem.call_s3("list_objects_v2", **asked), f"s3://{bucket}")
        for entry in page.get("Contents", ()):
            if not entry["Key"].endswith("/"):  # a folder's own marker
                yield f"{bucket}/{entry['Key']}"
        if not page.get("IsTruncated"):
            return
        asked["ContinuationToken"] = page["NextContinuationToken"]


def _elsewhere(filesystem: fsspec.AbstractFileSystem, root: str) -> Iterator[str]:
    for folder, _, names in filesystem.walk(root):
        for name in names:
            yield f"{folder.rstrip('/')}/{name}"


def _is_hidden(path: str) -> bool:
    return path.startswith(".") or "/." in path
