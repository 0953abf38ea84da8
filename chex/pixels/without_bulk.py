"""A DICOM header alone: what exports copy patient, study and series from."""

from __future__ import annotations

import io

from chex.pixels.dicom import silenced
from chex.pixels.header import BROKEN
from chex.pixels.inflation import GuardedFile
from chex.pixels.pictures import is_picture

LARGEST_ELEMENT = 1 << 18  # bytes; lookup tables fit in, what is larger is bulk whatever it is called
_ICON_IMAGE = 0x00880200
_CURVES_AND_OVERLAYS = (0x5000, 0x6000)  # repeating groups 50xx and 60xx
_OF_MESSAGES_AND_FILES = (0x0000, 0x0002)  # groups that no data set may hold, though a broken file has them


def header_alone(data: bytes) -> bytes | None:
    """See `chex.pixels.header_alone`."""
    import pydicom

    if is_picture(data):
        return None
    with silenced():
        dataset = pydicom.dcmread(GuardedFile(data), stop_before_pixels=True, force=True)
        for tag in tuple(dataset.keys()):
            if tag.group in _OF_MESSAGES_AND_FILES or _is_bulk(dataset, tag):
                del dataset[tag]
        return _written_as_it_was_read(dataset)


def _is_bulk(dataset, tag) -> bool:
    if tag == _ICON_IMAGE or tag.group & 0xFF00 in _CURVES_AND_OVERLAYS:
        return True
    value = dataset.get_item(tag).value
    return isinstance(value, bytes | memoryview) and len(value) > LARGEST_ELEMENT


def _written_as_it_was_read(dataset) -> bytes:
    """As it was; without the elements that are too broken to be written again, where there are such."""
    import pydicom

    try:
        return _written(dataset)
    except BROKEN:
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        for tag in tuple(dataset.keys()):
            if not _can_be_written(dataset, tag):
                del dataset[tag]
        return _written(dataset)


def _can_be_written(dataset, tag) -> bool:
    import pydicom

    alone = pydicom.Dataset()
    alone.set_original_encoding(*dataset.original_encoding, dataset.original_character_set)
    try:
        alone[tag] = dataset.get_item(tag)
        alone.file_meta = pydicom.dataset.FileMetaDataset()
        _written(alone)
    except BROKEN:
        return False
    return True


def _written(dataset) -> bytes:
    from pydicom import uid

    implicit, little = dataset.original_encoding
    plain = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = plain if little else uid.ExplicitVRBigEndian
    dataset.preamble = bytes(128)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=False)
    return file.getvalue()
