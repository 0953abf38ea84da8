"""Every table of every dataset, broken in every way: refused before anything starts, or read as if nothing had been."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.adapters import SourceError, kinds
from pipelines.convert import Conversion, prepare
from tests.pipelines.bad_input import bad_tables
from tests.pipelines.bad_input.bad_tables import READ_ALL_THE_SAME, REFUSED, REFUSED_IF_PACKED
from tests.pipelines.converted_sources import IDENTIFIERS
from tests.pipelines.small_sources import SmallSource, write_source

TOLERATED = {
    ("half a line more", "BBox_List_2017.csv"),  # its rows differ in length; a short one costs its image only
    ("missing", "indiana_projections.csv"),  # not part of the collection, only of copies
}


def refusal(small: SmallSource) -> str:
    """What is said about a source before anything is converted; no message names a patient or an image."""
    output = small.root.parent / "shards"
    with pytest.raises(SourceError) as caught:
        prepare(Conversion(sources=small.sources, output=str(output)))
    message = str(caught.value)
    assert not output.exists(), "a refused source leaves nothing behind"
    assert not IDENTIFIERS.search(message.replace(str(small.root.parent), "")), message
    return message


def each_table(kind: str, folder: Path) -> Iterator[tuple[SmallSource, str, Path]]:
    """A fresh source for every table of the kind, to break it there."""
    for number, name in enumerate(write_source(kind, folder / "names").tables):
        small = write_source(kind, folder / str(number))
        yield small, name, small.root / name


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("fault", [*REFUSED, *REFUSED_IF_PACKED])
def test_a_broken_table_is_refused_by_name(kind, fault, tmp_path):
    change, expected = (REFUSED | REFUSED_IF_PACKED)[fault]
    for small, name, path in each_table(kind, tmp_path):
        if fault in REFUSED_IF_PACKED and path.suffix != ".gz" or (fault, name) in TOLERATED:
            continue
        change(path)
        message = refusal(small)
        assert (path.name in message or fault == "missing") and re.search(expected, message), f"{name}: {message}"


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("difference", READ_ALL_THE_SAME)
def test_other_spellings_of_a_table_are_read(kind, difference, tmp_path):
    expected = prepare(conversion(write_source(kind, tmp_path / "good"), tmp_path / "a")).images
    for number, (small, name, path) in enumerate(each_table(kind, tmp_path)):
        READ_ALL_THE_SAME[difference](path)
        assert prepare(conversion(small, tmp_path / f"shards{number}")).images == expected, name


@pytest.mark.parametrize("kind", kinds())
def test_a_missing_or_repeated_column_is_named(kind, tmp_path):
    for number, (name, columns) in enumerate(write_source(kind, tmp_path / "names").tables.items()):
        for column in dict.fromkeys((*columns[:9], columns[-1])):  # the labels' columns are all alike
            for change in (bad_tables.without_column, bad_tables.repeat_column):
                small = write_source(kind, tmp_path / f"{number}{change.__name__}{columns.index(column)}")
                change(small.root / name, column)
                message = refusal(small)
                assert name in message and column in message, message


def conversion(small: SmallSource, output: Path) -> Conversion:
    return Conversion(sources=small.sources, output=str(output), image_size=16)


def images_of(small: SmallSource):
    """How many images of which dataset and split there are to convert."""
    return prepare(conversion(small, small.root.parent / "shards")).images
