"""Which images a run is about, and how one of them is read: a module per kind of input, found by the URI's scheme.

A kind lists the URIs of its images as it finds them, in any order, and never holds all of them. What the modules here
do not claim by a scheme is a file, a folder or a list that fsspec can open.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol, Self


class Kind(Protocol):
    """What a module of this room offers that has SCHEMES."""

    SCHEMES: tuple[str, ...]  # of the URIs of inputs and of images alike: ("dicomweb+http", "dicomweb+https")

    def list_images(self, uri: str, left_alone: Counter[str]) -> Iterator[str]:
        """The URI of each image of the input, each in one spelling: it is what tells whether an image is done already.

        left_alone: counts what is there, but no image, by what it is.

        Raises:
            ValueError: there is no such input, or it is none of this kind.
            OSError, StoreUnreachable: it cannot be read.
        """

    def reading(self) -> AbstractContextManager[Callable[[str], bytes]]:
        """While the block runs, reads images by their URIs; it may keep a connection from one to the next.

        The function it gives raises UnusableImage or OSError if it is this one image's fault, and StoreUnreachable
        where no other image will fare better.
        """


def kind_of(uri: str) -> Kind:
    """The module that lists and reads this URI."""
    scheme = uri.partition("://")[0]
    names = (entry.name for entry in pkgutil.iter_modules(__path__))
    for module in (importlib.import_module(f"{__name__}.{name}") for name in names):
        if scheme in getattr(module, "SCHEMES", ()):
            return module
    return importlib.import_module(f"{__name__}.files")


def list_images(uri: str, left_alone: Counter[str]) -> Iterator[str]:
    """See Kind.list_images."""
    return kind_of(uri).list_images(uri, left_alone)


class ImageReader:
    """Reads images of every kind; to be closed, or used as a context."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._reads: dict[str, Callable[[str], bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def read(self, uri: str) -> bytes:
        """The encoded image; raises what Kind.reading says."""
        scheme = uri.partition("://")[0] if "://" in uri else ""
        if scheme not in self._reads:
            self._reads[scheme] = self._open.enter_context(kind_of(uri).reading())
        return self._reads[scheme](uri)
