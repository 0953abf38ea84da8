"""Elements of a DICOM header as numbers and text, whatever was written into them."""

from __future__ import annotations

import math
import struct

from pydicom.errors import BytesLengthException

# pydicom decodes an element when it is asked for or written, and a broken one then raises one of these
BROKEN = (
    BytesLengthException,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    NotImplementedError,
    OSError,
    struct.error,
)


def numbers(dataset, keyword: str) -> tuple[float, ...]:
    """Every value of an element; NaN in place of one that is no finite number, () without the element."""
    value = _value(dataset, keyword)
    if value is None or value == "" or isinstance(value, bytes):
        return ()
    parts = value if hasattr(value, "__iter__") and not isinstance(value, str) else (value,)
    return tuple(_finite(part) for part in parts)


def number(dataset, keyword: str) -> float | None:
    """The first value of an element; None without one, or if it is no finite number."""
    value = next(iter(numbers(dataset, keyword)), math.nan)
    return None if math.isnan(value) else value


def whole_number(dataset, keyword: str) -> int | None:
    """The same, of elements that count something."""
    value = number(dataset, keyword)
    return None if value is None else int(value)


def text(dataset, keyword: str) -> str | None:
    """The value in upper case, without what pads it; None without one."""
    return _plain(_value(dataset, keyword)) or None


def texts(dataset, keyword: str) -> tuple[str, ...]:
    """The same of every value, "" for one that is empty; () without the element."""
    from pydicom.multival import MultiValue

    value = _value(dataset, keyword)
    parts = value if isinstance(value, MultiValue) else (value,)
    return tuple(map(_plain, parts)) if value else ()


def items(dataset, keyword: str) -> list:
    """The items of a sequence; [] without one, or if the element is no sequence."""
    from pydicom import Sequence

    value = _value(dataset, keyword)
    return list(value) if isinstance(value, Sequence) else []


def is_big_endian(dataset) -> bool:
    """Whether pydicom left the bytes of OW elements in big endian order."""
    _, little = dataset.original_encoding
    return little is False


def _value(dataset, keyword: str):
    try:
        return dataset.get(keyword)
    except BROKEN:
        return None


def _plain(value) -> str:
    return _with_accents(str("" if value is None else value)).strip(" \t\r\n\0").upper()


def _with_accents(value: str) -> str:
    # codes are to be ASCII, and pydicom takes each byte of theirs for a letter, of UTF-8 too
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _finite(part) -> float:
    try:
        value = float(part)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return value if math.isfinite(value) else math.nan
