"""How DICOM wants stored values shown: padding, modality and VOI transformations, photometric interpretation."""

from __future__ import annotations

import numpy as np

from chex.pixels.grayscale import robust_range, stretch


def brightness(dataset, every: np.ndarray, occurrences: np.ndarray, notes: list[str]) -> np.ndarray:
    """Stored values (N,) to brightness (N,), 1 for bone."""
    from pydicom.pixels import apply_modality_lut

    padding = _padding(dataset, every)
    if padding is not None and occurrences[padding].any():
        share = occurrences[padding].sum() / occurrences.sum()
        notes.append(f"padding value {dataset.PixelPaddingValue}: {share:.1%} of the pixels made black")
        occurrences = np.where(padding, 0, occurrences)
    shown = every
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept", 0)
    if dataset.get("ModalityLUTSequence"):
        shown = np.asarray(apply_modality_lut(every, dataset), dtype=np.float64)
        notes.append("modality LUT applied")
    elif slope:
        shown = every * float(slope) + float(intercept or 0)
        if (slope, intercept) != (1, 0):
            notes.append(f"rescaled by {float(slope):g} x + {float(intercept or 0):g}")
    bright = _voi(dataset, shown, occurrences, notes)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        notes.append("MONOCHROME1 inverted")
        bright = 1 - bright
    return bright if padding is None else np.where(padding, 0.0, bright)


def _padding(dataset, every: np.ndarray) -> np.ndarray | None:
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return None
    limit = dataset.get("PixelPaddingRangeLimit", value)
    return (every >= min(value, limit)) & (every <= max(value, limit))


def _voi(dataset, shown: np.ndarray, occurrences: np.ndarray, notes: list[str]) -> np.ndarray:
    """Modality values (N,) to [0, 1]: the VOI LUT, else the first window, else the range of the values."""
    present = occurrences > 0
    if present.sum() < 2:
        notes.append("constant image")
        return np.zeros(shown.shape)
    for bright, note in (_voi_table(dataset, shown), _window(dataset, shown)):
        if bright is None:
            continue
        if np.ptp(bright[present]) > 0:
            notes.append(note)
            return bright
        notes.append(f"{note} ignored: it hides the whole image")
    if int(dataset.BitsStored) <= 8 and shown.min() >= 0 and shown.max() <= 255:
        return shown / (2 ** int(dataset.BitsStored) - 1)
    low, high = robust_range(shown, occurrences)
    notes.append(f"no window: values {low:g} to {high:g} (robust range)")
    return stretch(shown, low, high)


def _voi_table(dataset, shown: np.ndarray) -> tuple[np.ndarray | None, str]:
    from pydicom.pixels import apply_voi

    if not dataset.get("VOILUTSequence"):
        return None, ""
    table = np.asarray(apply_voi(np.rint(shown).astype(np.int64), dataset, index=0), dtype=np.float64)
    # the declared depth of the table is often larger than what its entries use
    entries = dataset.VOILUTSequence[0].LUTData
    if isinstance(entries, bytes):
        entries = np.frombuffer(entries, np.uint16)
    return np.clip(table / max(np.max(entries), 1), 0, 1), "VOI LUT applied"


def _window(dataset, shown: np.ndarray) -> tuple[np.ndarray | None, str]:
    """DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    center, width = (_first_number(dataset, keyword) for keyword in ("WindowCenter", "WindowWidth"))
    function = str(dataset.get("VOILUTFunction") or "LINEAR")
    if center is None or width is None or width <= 0 or (function == "LINEAR" and width < 1):
        return None, ""
    note = f"window center {center:g} width {width:g}" + ("" if function == "LINEAR" else f" {function}")
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (shown - center) / width, -700, 700))), note
    if function == "LINEAR_EXACT":
        return np.clip((shown - center) / width + 0.5, 0, 1), note
    if width == 1:
        return (shown > center - 0.5).astype(np.float64), note
    return np.clip((shown - (center - 0.5)) / (width - 1) + 0.5, 0, 1), note


def _first_number(dataset, keyword: str) -> float | None:
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    return float(value[0] if hasattr(value, "__len__") and not isinstance(value, str) else value)
