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
    """Weighted box fusion (Solovyev et al. 2021) of boxes of one class, all of the same weight.

    A box joins the fused box that it overlaps most, if by more than `iou`; a fused box is the mean of its members.
    The last box is taken first, as the common implementation does for equal scores. Boxes that overlap nothing are
    kept as they are; boxes without an area are dropped.

    Returns:
        (fused box, number of different readers in it), those with the most members first.

    Raises:
        ValueError: not as many readers as boxes.
    """
    if len(boxes_xyxy) != len(readers):
        raise ValueError(f"expected one reader per box; found {len(readers)} readers of {len(boxes_xyxy)} boxes")
    clusters: list[list[np.ndarray]] = []
    members: list[set[str]] = []
    fused = np.zeros((0, 4))
    for box, reader in reversed(list(zip(np.reshape(boxes_xyxy, (-1, 4)), readers, strict=True))):
        # readers sometimes draw from the bottom right to the top left
        box = np.array([min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3])], float)
        if box[0] == box[2] or box[1] == box[3]:
            continue
        overlaps = _iou(fused, box)
        best = int(np.argmax(overlaps)) if len(overlaps) else -1
        if best >= 0 and overlaps[best] > iou:
            clusters[best].append(box)
            members[best].add(reader)
            fused[best] = np.mean(clusters[best], axis=0)
        else:
            clusters.append([box])
            members.append({reader})
            fused = np.vstack([fused, box])
    order = sorted(range(len(clusters)), key=lambda index: -len(clusters[index]))
    return [(tuple(float(edge) for edge in fused[index]), len(members[index])) for index in order]


def _iou(boxes_xyxy: np.ndarray, box: np.ndarray) -> np.ndarray:
    # chex.boxes works on torch tensors, which a data worker should not have to import
    corners = np.minimum(boxes_xyxy[:, 2:], box[2:]) - np.maximum(boxes_xyxy[:, :2], box[:2])
    shared = np.prod(np.clip(corners, 0, None), axis=1)
    areas = np.prod(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], axis=1)
    return shared / np.maximum(areas + np.prod(box[2:] - box[:2]) - shared, 1e-12)
