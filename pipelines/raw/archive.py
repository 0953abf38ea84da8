"""Many small files of a dataset, by name: in a folder, or still in the zip archive they were downloaded in."""

from __future__ import annotations

from functools import cached_property

from pipelines.adapters import SourceError, UnusableInput
from pipelines.raw.folder import RawFolder
from pipelines.raw.zip_index import BadArchive, ZipIndex

LARGEST_MEMBER = 2**26  # bytes; no report and no scene graph comes near, a decompression bomb does


class SmallFiles:
    """Files in the archive `archive_name` of a root, or, if there is no such archive, below its folder `folder_name`.

    The archive comes first: it is complete, and a folder of that name may hold other files. Its members are found by
    their last name alone, so it does not matter which folders it packs.
    """

    def __init__(self, root: RawFolder, *, folder_name: str, archive_name: str) -> None:
        self.root = root
        self.folder_name = folder_name
        self.archive_name = archive_name

    def check(self) -> None:
        """Raise SourceError unless a readable archive or a folder is there, and something in it."""
        if self.is_archive:
            if not len(self._index):
                raise SourceError(f"{self.root.uri(self.archive_name)}: expected files in the archive; found none")
        elif not self.root.names(self.folder_name):
            self.root.first_of([self.archive_name, self.folder_name])
            raise SourceError(
                f"{self.root.uri(self.folder_name)}: expected a folder of files, or {self.archive_name}; found neither"
            )

    def read(self, name: str) -> bytes | None:
        """One file's bytes, `name` being relative to the folder; None if there is no such file.

        Raises:
            UnusableInput: the archive's member is damaged or far too large.
        """
        if not self.is_archive:
            return self._read_file(f"{self.folder_name}/{name}")
        member = self._index.find(name.rsplit("/", 1)[-1])
        if member is None:
            return None
        if member.size > LARGEST_MEMBER:
            raise UnusableInput("annotate", f"a file in {self.archive_name} unpacks to {member.size:,} bytes")
        try:
            return self._index.read(member)
        except BadArchive as error:
            raise UnusableInput("annotate", f"a file in {self.archive_name} is damaged: {error}") from error

    def _read_file(self, name: str) -> bytes | None:
        try:
            size = self.root.size(name)
            if size > LARGEST_MEMBER:
                raise UnusableInput("annotate", f"a file in {self.folder_name} has {size:,} bytes")
            return self.root.read(name)
        except FileNotFoundError:
            return None
        except (PermissionError, IsADirectoryError, NotADirectoryError) as error:
            found = type(error).__name__
            raise UnusableInput("annotate", f"a file in {self.folder_name} cannot be opened: {found}") from error

    @cached_property
    def is_archive(self) -> bool:
        return self.root.exists(self.archive_name)

    @cached_property
    def _index(self) -> ZipIndex:
        try:
            return ZipIndex(self.root, self.archive_name)
        except (BadArchive, OSError) as error:
            place = self.root.uri(self.archive_name)
            raise SourceError(f"{place}: expected a zip archive or a folder of files: {error}") from error
