"""Which images a report must not be written for: those that are no frontal radiograph of a chest, as far as one sees.

By the header (body part, view, orientation, intent) and, without any model, by the pixels. A header that says nothing is
no reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np

from chex.body_part import off_topic
from chex.pixels import Radiograph, resize

LEAST_SIDE = 64  # pixels
MOST_ASPECT = 2.0  # of the longer side to the shorter one
LEAST_CONTRAST = 16  # gray levels between the 2nd and the 98th percentile
# Grey levels of noise are as unlike the mean chest in 1 of 200 pictures. Of 800 real ones of NIH ChestX-ray14 none is,
# and 798 of their negatives are.
INVERTED_BELOW = -0.15  # correlation
RAW = "the image is raw (FOR PROCESSING), not meant for reading"

_FRONTAL = {"AP", "PA", "FRONTAL"}
_NOT_FRONTAL = {"LL", "RL", "LLO", "RLO", "LAO", "RAO", "LPO", "RPO", "CC", "MLO", "SWIMMERS"}
_SIDEWAYS = re.compile("(L|R|LT|RT|LEFT|RIGHT)?LAT|OBL|PROFIL|PERFIL|SAGITTAL")  # LATERAL, RLAT, OBLIQUE, …
# the mean of 90 phantoms (pipelines.phantoms), bone bright: bright shoulders, spine, heart and abdomen, dark lungs
_MEAN_CHEST = [
    "0111235666421100",
    "2334567888654331",
    "3567767aa8777653",
    "4689756bc7679875",
    "3688645bc7568864",
    "2477545bd7457752",
    "1476445bd8556742",
    "1465446cda656642",
    "2465347cdb865642",
    "2455448ddca76642",
    "2465668cdcb86642",
    "2579aaacdbb98742",
    "259cdddeedccb852",
    "27bdeeefeeedda62",
    "27bdeffffeeedb72",
    "27acdddeddddca62",
]


def why_not_reported(radiograph: Radiograph) -> str | None:
    """The reason, in words that many images share; None for an image that may be reported on."""
    return (
        off_topic(radiograph.body_part)
        or not_frontal(radiograph.view)
        or not_upright(radiograph.orientation)
        or (RAW if radiograph.for_processing else None)
        or unlikely_size(radiograph.height, radiograph.width)
        or unlikely_pixels(radiograph.pixels)
    )


def not_frontal(view: str | None) -> str | None:
    """Why an image with this ViewPosition is no frontal one. DICOM's terms, and what sites write beside them."""
    words = set(re.findall("[A-Z]+", (view or "").upper()))
    other = {word for word in words if word in _NOT_FRONTAL or _SIDEWAYS.match(word)}
    return f"ViewPosition is {' '.join(sorted(other))}, neither AP nor PA" if other and not words & _FRONTAL else None


def not_upright(orientation: Sequence[str]) -> str | None:
    """Why the model would take right for left, or more, in an image with this PatientOrientation.

    It says where the rows lead and where the columns do; a frontal chest is read with the rows to the patient's left and
    the columns to the feet. Of oblique directions (`LF`) the first letter says which one is meant most.
    """
    rows, columns = [value[:1] for value in orientation] if len(orientation) == 2 else ("", "")
    if {rows, columns} - set("LRHFAP") or (rows, columns) == ("L", "F"):
        return None
    seen = "no frontal one" if {rows, columns} & set("AP") else "mirrored or turned"
    return f"PatientOrientation is {rows}\\{columns}: the image is {seen}"


def unlikely_size(height: int, width: int) -> str | None:
    """Why a picture of this size in pixels is no whole radiograph of a chest."""
    if min(height, width) < LEAST_SIDE:
        return f"the picture is smaller than {LEAST_SIDE} pixels"
    if max(height, width) > MOST_ASPECT * min(height, width):
        return f"one side of the picture is more than {MOST_ASPECT:g} times as long as the other"
    return None


def unlikely_pixels(pixels: np.ndarray) -> str | None:
    """Why (H, W) uint8, bone bright, show no chest: they show nothing, or a chest with dark bone."""
    expected = _expected()
    cells = len(expected)
    small = resize(pixels, 4 * cells, 4 * cells)
    low, high = np.percentile(small, (2, 98))
    if high - low < LEAST_CONTRAST:
        return "the picture is blank"
    shown = small.reshape(cells, 4, cells, 4).mean((1, 3))
    if np.corrcoef(shown.ravel(), expected.ravel())[0, 1] < INVERTED_BELOW:
        return "the picture seems to be a negative: bone is dark"
    return None


@cache
def _expected() -> np.ndarray:
    return np.array([[int(digit, 16) for digit in row] for row in _MEAN_CHEST], float)
