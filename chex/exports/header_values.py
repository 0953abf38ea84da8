"""Single values of a header as archives have them: not every one can be decoded, and not every one is true."""

from __future__ import annotations

import io
import logging
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

# pydicom decodes an element when it is asked for, and a broken one then raises one of these
BROKEN_HEADER = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    NotImplementedError,
    OSError,
    struct.error,
)


def decoded(header: bytes) -> Dataset:
    """The header; of elements whose type depends on others' values (PS3.6: US or SS) it is settled."""
    from pydicom import dcmread
    from pydicom.filewriter import correct_ambiguous_vr

    dataset = dcmread(io.BytesIO(header), force=True)
    with suppress(*BROKEN_HEADER):
        correct_ambiguous_vr(dataset, dataset.original_encoding[1] is not False)
    return dataset


@contextmanager
def undisturbed() -> Iterator[None]:
    """Values are taken as they are, and nothing is said of them: they may name a patient."""
    import pydicom

    logging.getLogger("highdicom").setLevel(logging.CRITICAL)
    with pydicom.config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_value(header: Dataset, keyword: str):
    """None where the element is missing or broken."""
    from pydicom.errors import BytesLengthException

    try:
        return header[keyword].value
    except (BytesLengthException, *BROKEN_HEADER):
        return None


def copied(header: Dataset, keywords: tuple[str, ...]) -> Dataset:
    """These elements with their text decoded; those that cannot be read are left out."""
    from pydicom import Dataset
    from pydicom.charset import decode_element

    copy = Dataset()
    charset = header._character_set if hasattr(header, "_character_set") else None
    for keyword in keywords:
        value = read_value(header, keyword)
        if value is None:
            continue
        element = header[keyword]
        with suppress(*BROKEN_HEADER):
            if element.VR == "SQ":
                for item in element.value:
                    item.decode()
            else:
                decode_element(element, charset)
            copy[element.tag] = element
    return copy


def instance_number(header: Dataset) -> int:
    """The first of several; 1 where the header has none that counts."""
    from pydicom.multival import MultiValue

    value = read_value(header, "InstanceNumber")
    with suppress(*BROKEN_HEADER):
        return max(1, int(value[0] if isinstance(value, MultiValue) else value))
    return 1


def moment(header: Dataset) -> tuple[str | None, str]:
    """Date and time of the first pair that is written as the standard wants it."""
    for event in ("Acquisition", "Content", "Series", "Study"):
        date, time = (str(read_value(header, f"{event}{part}") or "").strip() for part in ("Date", "Time"))
        if _is_day(date):
            return date, time if re.fullmatch(r"([01]\d|2[0-3])[0-5]\d[0-5]\d(\.\d{1,6})?", time) else "000000"
    return None, "000000"


def _is_day(date: str) -> bool:
    """Of this century or the last, and one that there was: nobody takes a 31st of February."""
    try:
        return bool(re.fullmatch(r"(19|20)[0-9]{6}", date)) and bool(datetime.strptime(date, "%Y%m%d"))
    except ValueError:
        return False
