"""The centre square of an image as the model gets it, and boxes with it."""

from __future__ import annotations

import torch
from torch import Tensor

from chex.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from chex.geometry import Frame, shift, visible_boxes
from chex.model_config import PreprocessingConfig
from tests.parity.cases import Case, parts_of
from tests.parity.comparison import Compared, NotCompared
from tests.parity.registry import Found, check

LEAST_VISIBLE = 0.1


@check("val_transform_rect_center")
def val_transform_rect_center(case: Case) -> Found:
    found: dict = {"extra.note": NotCompared("a remark"), "extra.cases": NotCompared("compared one by one below")}
    preprocessing = PreprocessingConfig(fit="center_crop")
    for i, recorded in enumerate(case.extra["cases"]):
        names = "image", "boxes", "out_image", "out_boxes", "out_labels"
        pixels, boxes, image, moved, kept = parts_of(recorded, *names)
        pixels, boxes = torch.tensor(pixels), torch.tensor(boxes, dtype=torch.float64).view(-1, 4)
        frame = Frame(*pixels.shape, size=len(image), fit=preprocessing.fit)
        left, top, side = _square(frame)
        ours = (
            _resized(pixels[top : top + side, left : left + side], frame.size) - preprocessing.mean
        ) / preprocessing.std
        found[f"{i}.out_image"] = Compared(ours, torch.tensor(image), note="their interpolation of our square")
        # their square begins at a whole pixel, ours is exactly in the middle
        off_x, off_y = (frame.width - side) / 2 - left, (frame.height - side) / 2 - top
        whole = shift(off_x / side, off_y / side) @ frame.matrix
        clipped, seen = visible_boxes(cxcywh_to_xyxy(boxes).numpy(), whole, LEAST_VISIBLE)
        found[f"{i}.out_boxes"] = Compared(xyxy_to_cxcywh(torch.tensor(clipped[seen])).tolist(), moved, kind="forward")
        found[f"{i}.out_labels"] = Compared(seen.nonzero()[0].tolist(), kept)
    return found


def _square(frame: Frame) -> tuple[int, int, int]:
    """left, top and side of what the frame shows, in whole pixels of the image."""
    x_min, y_min, x_max, _ = frame.inverse_boxes([[0.0, 0.0, 1.0, 1.0]])[0]
    rounding = 1e-6
    left, top = int(x_min * frame.width + rounding), int(y_min * frame.height + rounding)
    return left, top, round((x_max - x_min) * frame.width)


def _resized(pixels: Tensor, size: int) -> Tensor:
    """Interpolated between the nearest pixels only; ours averages over all, for fine lines must not vanish."""
    return torch.nn.functional.interpolate(pixels[None, None], (size, size), mode="bilinear")[0, 0]
