"""Which predicted box found which target: COCO's greedy matching, done by pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chex.records import Box, ScoredBox

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True)
class ClassMatches:
    """The predictions of one class, best score first, as far as they matter: those that are matched at some threshold.

    What stands between two of them is never matched and only counts, so it is counted together with the one behind it;
    what stands behind the last one changes no figure.
    """

    counted: csr_array  # (G, N): how many predictions of an image end with the g-th matched one
    image: np.ndarray  # (G,) index of the matched one's image
    matched: np.ndarray  # (T, G) bool, per IoU threshold
    targets: np.ndarray  # (N,) number of targets per image


def matches_of_classes(
    predictions: Sequence[Mapping[str, Sequence[ScoredBox]]],
    targets: Sequence[Mapping[str, Sequence[Box]]],
    classes: Sequence[str],
    iou_thresholds: Sequence[float],
) -> tuple[ClassMatches, ...]:
    """One `ClassMatches` per class; predictions and targets are mappings class → boxes, one per image."""
    boxes = [{name: [(*b.box, b.score) for b in found] for name, found in image.items()} for image in predictions]
    truths = [{name: [(*box, 1.0) for box in found] for name, found in image.items()} for image in targets]
    records = _coco_records(boxes, truths, classes, iou_thresholds) if truths else []
    return tuple(
        _gather(
            records[index * len(truths) : (index + 1) * len(truths)],
            [len(image.get(name, ())) for image in truths],
            len(iou_thresholds),
        )
        for index, name in enumerate(classes)
    )


def _coco_records(
    predictions: Sequence[Mapping], targets: Sequence[Mapping], classes: Sequence[str], thresholds: Sequence[float]
) -> list:
    """pycocotools' record per (class, image), class by class; None where there is neither box nor target."""
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        evaluation = COCOeval(_coco(targets, classes), _coco(predictions, classes), "bbox")
        evaluation.params.iouThrs = np.asarray(thresholds, dtype=np.float64)
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [max((len(b) for image in predictions for b in image.values()), default=1)]
        evaluation.evaluate()
    return evaluation.evalImgs


def _coco(images: Sequence[Mapping], classes: Sequence[str]):
    from pycocotools.coco import COCO

    category = {name: index + 1 for index, name in enumerate(classes)}
    annotations = [
        {"image_id": image, "category_id": category[name], "score": score, "iscrowd": 0}
        | {"bbox": [x0, y0, max(x1 - x0, 0), max(y1 - y0, 0)], "area": max(x1 - x0, 0) * max(y1 - y0, 0)}
        for image, found in enumerate(images)
        for name, rows in found.items()
        for x0, y0, x1, y1, score in rows
    ]
    for index, annotation in enumerate(annotations):
        annotation["id"] = index + 1  # 0 would mean "unmatched"
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image} for image in range(len(images))],
        "categories": [{"id": index, "name": name} for name, index in category.items()],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco


def _gather(per_image: list, targets: list[int], thresholds: int) -> ClassMatches:
    found = [record for record in per_image if record is not None and record["dtScores"]]
    scores = np.concatenate([record["dtScores"] for record in found]) if found else np.zeros(0)
    lengths = [len(record["dtScores"]) for record in found]
    image = np.repeat([record["image_id"] for record in found], lengths).astype(np.int64)
    matched = np.concatenate(
        [np.zeros((thresholds, 0), dtype=bool), *(record["dtMatches"] > 0 for record in found)], axis=1
    )
    order = np.argsort(-scores, kind="stable")  # equal scores stay in the order of images, as pycocotools has them
    return _ending_in_matches(image[order], matched[:, order], np.asarray(targets, dtype=np.float64))


def _ending_in_matches(image: np.ndarray, matched: np.ndarray, targets: np.ndarray) -> ClassMatches:
    """image (P,), matched (T, P), targets (N,), predictions best first."""
    from scipy.sparse import csr_array

    ends = np.flatnonzero(matched.any(axis=0))
    used = ends[-1] + 1 if len(ends) else 0
    group = np.searchsorted(ends, np.arange(used))
    counted = csr_array((np.ones(used), (group, image[:used])), shape=(len(ends), len(targets)))
    return ClassMatches(counted, image[ends], matched[:, ends], targets)
