"""Several readers of one image to one set of labels and boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chex.records import Box


def majority_labels(votes: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """1 for every label that more than half of the readers see, else 0; in the first reader's order.

    Args:
        votes: one mapping label -> 0 or 1 per reader, all with the same labels.

    Raises:
        ValueError: no reader, or readers with different labels.
    """
    if not votes:
        raise ValueError("expected the votes of at least one reader; found none")
    if any(vote.keys() != votes[0].keys() for vote in votes):
        raise ValueError("expected the same labels from every reader")
    return {label: int(2 * sum(vote[label] for vote in votes) > len(votes)) for label in votes[0]}


def fuse_boxes(boxes_xyxy: Sequence[Box], readers: Sequence[str], iou: float = 0.1) -> list[tuple[Box, int]]:
    """Weighted box fusion (Solovyev, Wang and Gabruseva 2021) of boxes of one class, all of the same weight.

    A box joins the fused box that it overlaps most, if by more than `iou`; a fused box is the mean of its members.
    Boxes that overlap nothing are kept as they are; boxes without an area are dropped. The last box is taken first, as
    in the authors' package ensemble-boxes where scores are equal: where a box could join several, the order decides.
    That package is not used, for it does not tell which boxes were fused, so that readers could not be counted, ends
    the process on bad input, and brings numba; tests/data/weighted_box_fusion.json holds what it answers.

    Args:
        boxes_xyxy: in any unit; corners may be exchanged.
        readers: who drew each box.

    Returns:
        (fused box, number of different readers in it), those with the most members first.

    Raises:
        ValueError: not as many readers as boxes, or a box that is not finite.
    """
    if len(boxes_xyxy) != len(readers):
        raise ValueError(f"expected one reader per box; found {len(readers)} readers of {len(boxes_xyxy)} boxes")
    corners = np.asarray(boxes_xyxy, dtype=np.float64).reshape(-1, 2, 2)
    if not np.isfinite(corners).all():
        raise ValueError("expected boxes of finite numbers; found one that is not")
    upright = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    clusters: list[list[int]] = []
    fused = np.zeros((0, 4))
    for index in reversed(range(len(upright))):
        box = upright[index]
        if (box[:2] == box[2:]).any():
            continue
        overlaps = _iou(fused, box)
        best = int(np.argmax(overlaps)) if len(overlaps) else -1
        if best >= 0 and overlaps[best] > iou:
            clusters[best].append(index)
            fused[best] = upright[clusters[best]].mean(axis=0)
        else:
            clusters.append([index])
            fused = np.vstack([fused, box])
    found = sorted(zip(clusters, fused.tolist(), strict=True), key=lambda each: -len(each[0]))
    return [(tuple(box), len({readers[index] for index in members})) for members, box in found]


def _iou(boxes_xyxy: np.ndarray, box: np.ndarray) -> np.ndarray:
    # chex.boxes works on torch tensors, which a data worker should not have to import
    corners = np.minimum(boxes_xyxy[:, 2:], box[2:]) - np.maximum(boxes_xyxy[:, :2], box[:2])
    shared = np.prod(np.clip(corners, 0, None), axis=1)
    areas = np.prod(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], axis=1)
    return shared / np.maximum(areas + np.prod(box[2:] - box[:2]) - shared, 1e-12)
