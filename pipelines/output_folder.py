"""A folder that a job writes, local or remote, in which no file is ever half written."""

from __future__ import annotations

import os
import uuid
from functools import cached_property

import fsspec


class OutputFolder:
    """The files below one root. Names are relative to the root, with forward slashes."""

    def __init__(self, root: str) -> None:
        self.root = (root if "://" in root else os.path.abspath(root)).rstrip("/")

    def __reduce__(self) -> tuple:
        return type(self), (self.root,)

    @cached_property
    def filesystem(self) -> fsspec.AbstractFileSystem:
        return fsspec.core.url_to_fs(self.root)[0]

    @property
    def is_local(self) -> bool:
        return "file" in self.filesystem.protocol

    def uri(self, name: str) -> str:
        return f"{self.root}/{name}"

    def names(self) -> set[str]:
        """The names of the files and folders directly in it; empty if it does not exist yet."""
        try:
            entries = self.filesystem.ls(self.root, detail=False)
        except FileNotFoundError:
            return set()
        return {entry.rstrip("/").rsplit("/", 1)[-1] for entry in entries}

    def read(self, name: str) -> bytes | None:
        """A file's bytes, or None if there is no such file."""
        try:
            return self.filesystem.cat_file(self.uri(name))
        except FileNotFoundError:
            return None

    def exists(self, name: str) -> bool:
        return self.filesystem.exists(self.uri(name))

    def write(self, name: str, content: bytes) -> None:
        """Write a file as a whole or not at all, even if the process is killed meanwhile."""
        path = self.uri(name)
        if not self.is_local:
            self.filesystem.pipe_file(path, content)  # object stores show an object only once it is complete
            return
        path = self.filesystem._strip_protocol(path)
        folder, _, last = path.rpartition("/")
        os.makedirs(folder, exist_ok=True)
        temporary = f"{folder}/.{last}.{uuid.uuid4().hex}.unfinished"
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            if os.path.exists(temporary):
                os.remove(temporary)
            raise

    def remove_unfinished(self) -> None:
        """Remove what killed writers left; only while nobody writes."""
        if self.is_local:
            root = self.filesystem._strip_protocol(self.root)
            for folder, _, names in os.walk(root):
                for name in names:
                    if name.startswith(".") and name.endswith(".unfinished"):
                        os.remove(os.path.join(folder, name))
