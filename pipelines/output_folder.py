"""A folder that a job writes, local or remote, in which no file is ever half written."""

from __future__ import annotations

import logging
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import BinaryIO

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.stores import Result, patiently

logger = logging.getLogger(__name__)


class OutputFolder:
    """The files below one root. Names are relative to the root, with forward slashes.

    A store that does not answer is asked again for a while; then everything here raises StoreUnreachable.
    """

    def __init__(self, root: str) -> None:
        self.root = (root if "://" in root else os.path.abspath(root)).rstrip("/")

    def __reduce__(self) -> tuple:
        return type(self), (self.root,)

    @cached_property
    def filesystem(self) -> fsspec.AbstractFileSystem:
        # other processes write here, too: a listing is true only once
        return fsspec.core.url_to_fs(self.root, use_listings_cache=False)[0]

    @property
    def is_local(self) -> bool:
        return "file" in self.filesystem.protocol

    def uri(self, name: str) -> str:
        return f"{self.root}/{name}"

    def names(self) -> set[str]:
        """The names of the files and folders directly in it; empty if it does not exist yet."""
        try:
            entries = self._ask(lambda: self.filesystem.ls(self.root, detail=False))
        except FileNotFoundError:
            return set()
        itself = self.filesystem._strip_protocol(self.root)  # object stores may list a folder's own marker
        return {entry.rstrip("/").rsplit("/", 1)[-1] for entry in entries if entry.rstrip("/") != itself}

    def read(self, name: str) -> bytes | None:
        """A file's bytes, or None if there is no such file."""
        try:
            return self._ask(lambda: self.filesystem.cat_file(self.uri(name)))
        except FileNotFoundError:
            return None

    def read_from(self, name: str, read: Callable[[BinaryIO], Result]) -> Result:
        """What `read` makes of the open file, for a part of it.

        Raises FileNotFoundError if there is none.
        """

        def opened() -> Result:
            # what is not asked for is not fetched
            with self.filesystem.open(self.uri(name), "rb", cache_type="none") as file:
                return read(file)

        return self._ask(opened)

    def parquet_metadata(self, name: str) -> dict[bytes, bytes] | None:
        """What stands in the footer of a Parquet file, or None if the file is damaged."""

        def footer(file: BinaryIO) -> dict[bytes, bytes] | None:
            try:
                return pq.read_schema(file).metadata or {}
            except pa.ArrowException:
                return None
            except OSError as fault:
                if type(fault) is OSError and fault.errno is None:
                    return None  # so the Parquet reader says that what it has read is no footer
                raise

        return self.read_from(name, footer)

    def exists(self, name: str) -> bool:
        return self._ask(lambda: self.filesystem.exists(self.uri(name)))

    def write(self, name: str, content: bytes) -> None:
        """Write a file as a whole or not at all, even if the process is killed meanwhile."""
        if self.is_local:
            self._fill(name, lambda file: file.write(content))
        else:  # object stores show an object only once it is complete
            self._ask(lambda: self.filesystem.pipe_file(self.uri(name), content))

    def write_large(self, name: str, fill: Callable[[BinaryIO], object]) -> None:
        """Write a file, as `write` does, that `fill` puts into a file on a disk: for what should not lie in memory."""
        if self.is_local:
            self._fill(name, fill)
            return
        with tempfile.TemporaryFile() as file:  # has no name: a killed process leaves nothing of it
            fill(file)
            file.flush()
            self.store(f"/proc/self/fd/{file.fileno()}", name)

    @contextmanager
    def open_large(self, name: str) -> Iterator[BinaryIO]:
        """A file to read, which a remote one is copied to.

        Raises FileNotFoundError if there is none.
        """
        if self.is_local:
            with open(self.filesystem._strip_protocol(self.uri(name)), "rb") as file:
                yield file
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "copy")
            self.fetch(name, copy)
            with open(copy, "rb") as file:
                yield file

    def store(self, source: str | os.PathLike[str], name: str) -> None:
        """Copy a file from a disk into a store, whole or not at all."""
        self._ask(lambda: self.filesystem.put_file(os.fspath(source), self.uri(name)))

    def fetch(self, name: str, target: str | os.PathLike[str]) -> None:
        """Copy a file to a path on a disk. Raises FileNotFoundError if there is none."""
        self._ask(lambda: self.filesystem.get_file(self.uri(name), os.fspath(target)))

    def files(self) -> list[str]:
        """The sorted names of all files, those in folders with slashes."""
        root = self.filesystem._strip_protocol(self.root)
        return sorted(path.removeprefix(f"{root}/") for path in self._ask(lambda: self.filesystem.find(root)))

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        try:
            self._ask(lambda: self.filesystem.rm_file(self.uri(name)))
        except FileNotFoundError:
            pass

    def _fill(self, name: str, fill: Callable[[BinaryIO], object]) -> None:
        path = self.filesystem._strip_protocol(self.uri(name))
        folder, _, last = path.rpartition("/")
        os.makedirs(folder, exist_ok=True)
        temporary = f"{folder}/.{last}.{uuid.uuid4().hex}.unfinished"
        try:
            with open(temporary, "wb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            if os.path.exists(temporary):
                os.remove(temporary)
            raise

    def remove_unfinished(self) -> None:
        """Remove what killed writers left; only while nobody writes."""
        root = self.filesystem._strip_protocol(self.root)
        if self.is_local:
            for folder, _, names in os.walk(root):
                for name in names:
                    if name.startswith(".") and name.endswith(".unfinished"):
                        os.remove(os.path.join(folder, name))
        elif hasattr(self.filesystem, "call_s3"):
            try:
                self._ask(lambda: _abort_uploads(self.filesystem, root))
            except (
                OSError
            ) as refusal:  # the right to list them is often not given; then the bucket's lifecycle cleans up
                logger.warning("%s: unfinished uploads were not looked for: %s", self.root, refusal)

    def _ask(self, action: Callable[[], Result]) -> Result:
        return action() if self.is_local else patiently(action, self.root)


def _abort_uploads(filesystem: fsspec.AbstractFileSystem, root: str) -> None:
    """Large objects arrive in parts, which an S3 keeps, unseen and paid for, until the upload ends or is aborted."""
    bucket, _, folder = root.partition("/")
    found = filesystem.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=f"{folder}/")
    for upload in found.get("Uploads", []):
        filesystem.call_s3("abort_multipart_upload", Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
