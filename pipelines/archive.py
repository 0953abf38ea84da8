"""Many small files of a dataset, by name: in a folder, or still in the zip archive they were downloaded in."""

from __future__ import annotations

import zipfile
import zlib
from functools import cached_property

from pipelines.adapters import SourceError, UnusableInput
from pipelines.raw_files import RawFolder

LARGEST_MEMBER = 2**26  # bytes; no report and no scene graph comes near, a decompression bomb does


class SmallFiles:
    """Files that lie below `folder_name` of a root, or, if there is no such folder, in the archive `archive_name`.

    An archive's members are found by their last name alone, so it does not matter which folders it packs.
    """

    def __init__(self, root: RawFolder, *, folder_name: str, archive_name: str) -> None:
        self.root = root
        self.folder_name = folder_name
        self.archive_name = archive_name

    def check(self) -> None:
        """Raise SourceError unless the folder or a readable archive is there."""
        if not self._is_folder:
            _ = self._members

    def read(self, name: str) -> bytes | None:
        """One file's bytes, `name` being relative to the folder; None if there is no such file.

        Raises:
            UnusableInput: the archive's member is damaged or far too large.
        """
        if self._is_folder:
            try:
                return self.root.read(f"{self.folder_name}/{name}")
            except FileNotFoundError:
                return None
        member = self._members.get(name.rsplit("/", 1)[-1])
        if member is None:
            return None
        if member.file_size > LARGEST_MEMBER:
            raise UnusableInput(
                "annotate", f"{member.filename} in {self.archive_name} unpacks to {member.file_size:,} bytes"
            )
        try:
            return self._archive.read(member)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise UnusableInput("annotate", f"{member.filename} in {self.archive_name} is damaged: {error}") from error

    @cached_property
    def _is_folder(self) -> bool:
        return bool(self.root.names(self.folder_name))

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        name = self.root.first_of([self.archive_name, self.folder_name])
        try:
            return zipfile.ZipFile(self.root.open(name))
        except (zipfile.BadZipFile, OSError) as error:
            raise SourceError(f"{self.root.uri(name)}: expected a zip archive or a folder of files: {error}") from error

    @cached_property
    def _members(self) -> dict[str, zipfile.ZipInfo]:
        return {
            member.filename.rsplit("/", 1)[-1]: member for member in self._archive.infolist() if not member.is_dir()
        }
