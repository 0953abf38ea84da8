"""A report in the formats that others read: one module per format, found by its FORMAT name.

A format's module has what `Format` lists. Some are one file per image; those with `join` become one file of many images.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from chex.records import Report, SourceImage


class NotExportable(ValueError):
    """This image cannot have this format (no DICOM study to belong to, for example); the message says why.

    The message names no patient, so that equal reasons can be counted.
    """


@runtime_checkable
class Format(Protocol):
    """What a module of this room offers."""

    FORMAT: str  # what the command line calls it, and the folder its files lie in
    SUFFIX: str  # of its files
    MEDIA_TYPE: str
    NEEDS: frozenset[str]  # fields of SourceImage that may be None elsewhere: "pixels", "header"

    def encode(self, report: Report, source: SourceImage) -> bytes:
        """A whole file for one image. Same report and source, same bytes.

        Raises:
            NotExportable: this image cannot have this format.
        """


@runtime_checkable
class JoinedFormat(Format, Protocol):
    """A format whose files hold many images."""

    def join(self, files: Sequence[bytes]) -> bytes:
        """One file out of those that `encode` made, in their order."""


def formats() -> dict[str, Format]:
    """FORMAT -> the module."""
    modules = (importlib.import_module(f"{__name__}.{entry.name}") for entry in pkgutil.iter_modules(__path__))
    return {module.FORMAT: module for module in modules if hasattr(module, "FORMAT")}


def needs_of(names: Iterable[str]) -> frozenset[str]:
    """What these formats together need of a SourceImage beyond uri, height and width."""
    available = formats()
    return frozenset().union(*(available[name].NEEDS for name in names))
