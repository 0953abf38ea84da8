"""Raw datasets, one file each: a root path in, studies and their annotations out.

The kind `vindr-cxr` is the class `Source` of the module `vindr_cxr` in this folder; a new dataset is one new file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from chex.records import Annotations, Study


class SourceError(ValueError):
    """A source as a whole cannot be read: says which file or column is missing, and what was found instead."""


class LeftOut(Exception):
    """A rule of the dataset leaves this one image out; the reason is counted in the manifest."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnusableInput(ValueError):
    """This one input is broken: it becomes a quarantine row with the stage it failed in and the reason."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(f"{stage}: {reason}")
        self.stage = stage
        self.reason = reason


@runtime_checkable
class AnnotationSource(Protocol):
    """What every `Source` offers. Built from a root: a local path or an fsspec URI such as s3://bucket/folder.

    Building must be cheap and must not read; whatever is loaded is loaded at the first use, once per worker process.
    """

    datasets: tuple[str, ...]  # the values of Study.dataset that this source annotates

    def check(self) -> None:
        """Raise SourceError unless the files and columns that the source needs are there."""

    def annotations(self, study: Study, height: int, width: int) -> Annotations | None:
        """What this source says about one image of `height` x `width` original pixels, or None if nothing.

        Reads only what this study needs, by key. Boxes are relative to the original image.

        Raises:
            LeftOut: a rule of the dataset leaves the image out.
            UnusableInput: the study's own annotation is broken.
        """


@runtime_checkable
class ImageSource(AnnotationSource, Protocol):
    """A source that also knows where the images are."""

    def studies(self) -> Iterator[Study]:
        """The images that the dataset's rules keep, always in the same order."""

    def left_out(self) -> dict[str, int]:
        """How many listed images the rules left out, by reason; complete once `studies` is exhausted."""


@runtime_checkable
class SplitRule(Protocol):
    """A source that decides in which split some images of its datasets are, whoever lists them."""

    datasets: tuple[str, ...]

    def placed(self, study: Study) -> Study:
        """The study in its split; asked once for every image, before anything is converted.

        Raises:
            LeftOut: the image may be in no split.
        """


@runtime_checkable
class SubstituteImages(Protocol):
    """A source whose images stand for those that another source lists, which then brings its tables only."""

    def takes_over(self, other: AnnotationSource) -> bool:
        """Whether `other` is such a source: its tables are now read by this one, which stands for both."""


def kinds() -> tuple[str, ...]:
    """The kinds of source there are, sorted."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def kinds_with_images(datasets: Iterable[str]) -> list[str]:
    """The kinds of source that bring images of one of the datasets, sorted."""
    wanted = set(datasets)
    every = {kind: open_source(kind, "") for kind in kinds()}  # opening reads nothing
    return [kind for kind, source in every.items() if isinstance(source, ImageSource) and wanted & set(source.datasets)]


def open_sources(sources: Iterable[tuple[str, str]]) -> list[AnnotationSource | ImageSource]:
    """The sources (kind, root) together, those of images first; what they say does not depend on the order given.

    Raises:
        SourceError: there is no such kind.
    """
    opened = [open_source(kind, root) for kind, root in sorted(sources)]
    taken = [
        other
        for source in opened
        if isinstance(source, SubstituteImages)
        for other in opened
        if source.takes_over(other)
    ]
    left = [source for source in opened if source not in taken]
    return sorted(left, key=lambda source: not isinstance(source, ImageSource))


def open_source(kind: str, root: str) -> AnnotationSource | ImageSource:
    """The source of one kind at `root`; not checked yet.

    Raises:
        SourceError: there is no such kind.
    """
    if kind not in kinds():
        raise SourceError(f"unknown kind of source {kind!r}; there are: {', '.join(kinds())}")
    module = importlib.import_module(f"{__name__}.{kind.replace('-', '_')}")
    return module.Source(root)
