"""Damaged files of every syntax: refused, never a crash, never more memory than a picture needs."""

from __future__ import annotations

import multiprocessing
import resource

import imagecodecs
import numpy as np

from chex.pixels import UnusableImage, read_radiograph
from tests.chex.pixels.made import picture, sequence_item
from tests.chex.pixels.test_compressed import VALUES, encoded, file_of
from tests.made_dicom import made_dicom

MEMORY_LIMIT = 3 * 2**30  # of addresses: the libraries alone take more than half of it
HARD_VALUES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\x60\xea\x60\xea")
TABLE = sequence_item(LUTDescriptor=[4096, 0, 16], LUTData=np.arange(4096, dtype=np.uint16).tobytes())


def files() -> list[bytes]:
    gray, colors = (VALUES >> 4).astype(np.uint8), np.stack([VALUES >> shift for shift in (4, 5, 6)], -1)
    header = {"RescaleSlope": 1, "RescaleIntercept": -10, "PixelPaddingValue": 0, "PixelPaddingRangeLimit": 5}
    palette = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name in ("Red", "Green", "Blue"):
        palette[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        palette[f"{name}PaletteColorLookupTableData"] = np.arange(256, dtype=np.uint16).tobytes()
    return [
        *(file_of(encoded(syntax), syntax) for syntax in ("50", "51", "57", "70", "80", "81", "90", "201")),
        *(made_dicom(VALUES, syntax=f"1.2.840.10008.1.2{rest}", **header) for rest in ("", ".1", ".1.99", ".5")),
        made_dicom(VALUES, VOILUTSequence=TABLE, ModalityLUTSequence=TABLE),
        made_dicom(np.stack([VALUES] * 3)),
        made_dicom(colors.astype(np.uint8), 8),
        made_dicom(gray, 8, **palette),
        picture(gray),
        picture(VALUES),
        imagecodecs.png_encode(colors),
        picture(gray, "JPEG"),
    ]


def damaged(data: bytes, generator: np.random.Generator) -> bytes:
    spoiled, way = bytearray(data), generator.integers(0, 6)
    places = generator.integers(0, len(data) - 4, 8)
    header = places % min(len(data) - 4, 1500)
    if way == 0:
        for place in header:
            spoiled[place] = generator.integers(0, 256)
    elif way == 1:
        for place in header[:2]:
            spoiled[place : place + 4] = HARD_VALUES[generator.integers(0, len(HARD_VALUES))]
    elif way == 2:
        for place in places:
            spoiled[place] ^= 1 << generator.integers(0, 8)
    elif way == 3:
        del spoiled[places[0] :]
    elif way == 4:
        del spoiled[places[0] : places[0] + 100]
    else:
        spoiled[places[0] : places[0]] = generator.bytes(50)
    return bytes(spoiled)


def read_damaged_files() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    generator, read, refused = np.random.default_rng(3), 0, 0
    for data in files():
        read_radiograph(data, "x.dcm")
        for _ in range(40):
            try:
                assert read_radiograph(damaged(data, generator), "x.dcm").pixels.dtype == np.uint8
                read += 1
            except UnusableImage as error:
                assert error.reason
                assert "memory" not in error.reason.lower()
                refused += 1
    assert min(read, refused) > 100


def test_damage_never_ends_the_process():
    # in one of its own: a decoder that aborts would end the tests as well
    process = multiprocessing.get_context("spawn").Process(target=read_damaged_files)
    process.start()
    process.join(120)
    assert process.exitcode == 0
