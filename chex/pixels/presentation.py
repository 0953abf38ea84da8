"""How DICOM wants stored values shown: padding, modality and VOI transformations, photometric interpretation."""

from __future__ import annotations

import math

import numpy as np

from chex.pixels.grayscale import robust_range, stretch
from chex.pixels.header import items, number, numbers, text, whole_number
from chex.pixels.occurrences import Occurrences
from chex.pixels.tables import read_table

_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def brightness(dataset, photometric: str, every: np.ndarray, occurrences: Occurrences, notes: list[str]) -> np.ndarray:
    """What a monochrome image's stored values look like.

    Args:
        dataset: the DICOM header.
        photometric: MONOCHROME1 or MONOCHROME2.
        every: stored values (N,).
        occurrences: how many pixels have each.
        notes: gets a line for everything that is done.

    Returns:
        Brightness (N,), 1 for bone.
    """
    padding = _padding(dataset, every)
    if padding is not None and padding.any() and occurrences.counts[padding].any():
        share = occurrences.counts[padding].sum() / occurrences.counts.sum()
        if share == 1:
            notes.append("padding value ignored: it hides the whole image")
            padding = None
        else:
            notes.append(
                f"padding value {number(dataset, 'PixelPaddingValue'):g}: {share:.1%} of the pixels made black"
            )
            occurrences = occurrences.without(padding)
    bright = _voi(dataset, every, _modality(dataset, every, notes), occurrences, notes)
    if photometric == "MONOCHROME1":
        notes.append("MONOCHROME1 inverted")
        bright = 1 - bright
    # where it agrees it says the same once more, and inverting twice would undo it
    shape = text(dataset, "PresentationLUTShape")
    if shape in ("IDENTITY", "INVERSE") and (shape == "INVERSE") != (photometric == "MONOCHROME1"):
        notes.append(f"Presentation LUT Shape {shape} contradicts {photometric}: ignored")
    return bright if padding is None else np.where(padding, 0.0, bright)


def _padding(dataset, every: np.ndarray) -> np.ndarray | None:
    value = number(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = number(dataset, "PixelPaddingRangeLimit")
    signed = whole_number(dataset, "PixelRepresentation") == 1
    low, high = sorted(_as_stored(end, signed) for end in (value, value if limit is None else limit))
    return (every >= low) & (every <= high)


def _as_stored(value: float, signed: bool) -> float:
    """A value that was written with the other signedness than the pixels have."""
    if signed and value >= 2**15:
        return value - 2**16
    return value + 2**16 if not signed and value < 0 else value


def _modality(dataset, every: np.ndarray, notes: list[str]) -> np.ndarray:
    """Stored values (N,) to modality values (N,): the modality LUT, else rescale."""
    for item in items(dataset, "ModalityLUTSequence")[:1]:
        try:
            shown = read_table(item, every)(every)
        except ValueError as error:
            notes.append(f"modality LUT ignored: {error}")
        else:
            notes.append("modality LUT applied")
            return shown
    if "RescaleSlope" not in dataset:
        return every
    slope, intercept = (number(dataset, keyword) for keyword in ("RescaleSlope", "RescaleIntercept"))
    intercept = intercept or 0.0
    if not slope or max(abs(slope), abs(intercept)) > 1e9:
        notes.append(f"rescale ignored: slope {'missing' if slope is None else f'{slope:g}'}, intercept {intercept:g}")
        return every
    if (slope, intercept) != (1, 0):
        notes.append(f"rescaled by {slope:g} x + {intercept:g}")
    return every * slope + intercept


def _voi(dataset, every: np.ndarray, shown: np.ndarray, occurrences: Occurrences, notes: list[str]) -> np.ndarray:
    """Modality values (N,) of stored ones (N,) to [0, 1]: the VOI LUT, else the first window, else their range."""
    if not occurrences.differ(np.arange(len(shown))):
        notes.append("constant image")
        return np.zeros(shown.shape)
    for transformation in (_voi_table, _window):
        bright, note = transformation(dataset, shown, notes)
        if bright is None:
            continue
        if occurrences.differ(bright):
            notes.append(note)
            return bright
        notes.append(f"{note.removesuffix(' applied')} ignored: it hides the whole image")
    depth = 2 ** (whole_number(dataset, "BitsStored") or 16) - 1
    # made for a screen of 8 bits, if nothing else is said; what is rescaled or signed may have any range
    if depth <= 255 and whole_number(dataset, "PixelRepresentation") == 0 and np.array_equal(shown, every):
        return shown / depth
    low, high = robust_range(shown, occurrences.counts)
    notes.append(f"no window: values {low:g} to {high:g} (robust range)")
    return stretch(shown, low, high)


def _voi_table(dataset, shown: np.ndarray, notes: list[str]) -> tuple[np.ndarray | None, str]:
    tables = items(dataset, "VOILUTSequence")
    for item in tables[:1]:
        try:
            table = read_table(item, shown)
        except ValueError as error:
            notes.append(f"VOI LUT ignored: {error}")
            continue
        return table(shown) / (2**table.bits - 1), f"VOI LUT{_which(0, len(tables))} applied"
    return None, ""


def _window(dataset, shown: np.ndarray, notes: list[str]) -> tuple[np.ndarray | None, str]:
    """The first usable window, by PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    centers, widths = (numbers(dataset, keyword) for keyword in ("WindowCenter", "WindowWidth"))
    function = text(dataset, "VOILUTFunction") or "LINEAR"
    if function not in _FUNCTIONS:
        notes.append("unknown VOI LUT Function, taken for LINEAR")
        function = "LINEAR"
    for place, (center, width) in enumerate(zip(centers, widths, strict=False)):
        if math.isnan(center) or math.isnan(width) or width <= 0 or (function == "LINEAR" and width < 1):
            notes.append(f"window center {center:g} width {width:g} ignored: no {function} window")
            continue
        note = f"window center {center:g} width {width:g}" + ("" if function == "LINEAR" else f" {function}")
        return _through_window(shown, center, width, function), note + _which(place, len(centers))
    return None, ""


def _through_window(shown: np.ndarray, center: float, width: float, function: str) -> np.ndarray:
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (shown - center) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return np.clip((shown - center) / width + 0.5, 0, 1)
    if width == 1:
        return (shown > center - 0.5).astype(np.float64)
    return np.clip((shown - (center - 0.5)) / (width - 1) + 0.5, 0, 1)


def _which(place: int, count: int) -> str:
    return f" ({place + 1} of {count})" if count > 1 else ""
