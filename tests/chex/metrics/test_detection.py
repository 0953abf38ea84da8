from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chex.metrics.box_matching import _coco
from chex.metrics.detection import IOU_THRESHOLDS, match_boxes, mean_average_precision, paired_iou
from chex.records import ScoredBox

CLASSES = ("a", "b", "never")


def iou(first, second) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return width * height / (areas - width * height)


def average_precision_by_hand(predictions, targets, name, threshold) -> float:
    """As the definition reads: one list of predictions, best first; at each of 101 recalls the best precision beyond."""
    ranked = sorted(
        ((b.score, image, b.box) for image, found in enumerate(predictions) for b in found.get(name, ())),
        key=lambda entry: -entry[0],
    )
    free = {image: list(found.get(name, ())) for image, found in enumerate(targets)}
    count = sum(map(len, free.values()))
    points, true = [], 0
    for rank, (_, image, box) in enumerate(ranked, start=1):
        reachable = [target for target in free[image] if iou(box, target) >= threshold]
        if reachable:
            free[image].remove(max(reachable, key=lambda target: iou(box, target)))
            true += 1
        points.append((true / count, true / rank))
    return float(
        np.mean([max((p for r, p in points if r >= recall), default=0.0) for recall in np.linspace(0, 1, 101)])
    )


def random_case(seed: int, images: int = 12):
    generator = np.random.default_rng(seed)

    def box():
        corner, size = generator.random(2) * 0.6, 0.1 + generator.random(2) * 0.3
        return (*corner, *(corner + size))

    targets = [{name: [box() for _ in range(generator.integers(0, 3))] for name in "ab"} for _ in range(images)]
    predictions = []
    for found in targets:
        near = {
            name: [
                ScoredBox(tuple(np.clip(np.array(b) + generator.normal(0, 0.05, 4), 0, 1)), generator.random())
                for b in boxes
            ]
            for name, boxes in found.items()
        }
        predictions.append({name: [*boxes, ScoredBox(box(), generator.random())] for name, boxes in near.items()})
    return predictions, targets


@pytest.mark.parametrize("seed", range(4))
def test_it_is_pycocotools(seed):
    from pycocotools.cocoeval import COCOeval

    predictions, targets = random_case(seed)
    found = mean_average_precision(predictions, targets, CLASSES)
    with contextlib.redirect_stdout(io.StringIO()):
        as_rows = [{n: [(*b.box, b.score) for b in boxes] for n, boxes in image.items()} for image in predictions]
        truth = [{n: [(*b, 1.0) for b in boxes] for n, boxes in image.items()} for image in targets]
        evaluation = COCOeval(_coco(truth, CLASSES), _coco(as_rows, CLASSES), "bbox")
        evaluation.params.iouThrs = np.array(IOU_THRESHOLDS)
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, -1]  # thresholds, recalls, classes; all areas, 100 boxes
    assert (precision[:, :, 2] == -1).all()
    assert found.mean == pytest.approx(precision[:, :, :2].mean(), abs=1e-12)
    assert found.per_class["a"] == pytest.approx(precision[:, :, 0].mean(), abs=1e-12)
    assert found.per_threshold[0.5] == pytest.approx(precision[4, :, :2].mean(), abs=1e-12)
    assert found.targets == {name: sum(len(t.get(name, ())) for t in targets) for name in CLASSES}


def coco_evaluation(predictions, targets, classes=CLASSES):
    """pycocotools with COCO's own settings."""
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        as_rows = [{n: [(*b.box, b.score) for b in boxes] for n, boxes in image.items()} for image in predictions]
        truth = [{n: [(*b, 1.0) for b in boxes] for n, boxes in image.items()} for image in targets]
        evaluation = COCOeval(_coco(truth, classes), _coco(as_rows, classes), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def test_with_cocos_thresholds_it_is_cocos_figure():
    """The number that pycocotools prints first, and that torchmetrics returns as `map`; then `map_50`."""
    predictions, targets = random_case(8)
    mean, at_half = coco_evaluation(predictions, targets).stats[:2]
    cocos = [round(0.5 + step / 20, 2) for step in range(10)]
    found = mean_average_precision(predictions, targets, CLASSES, cocos)
    assert found.mean == pytest.approx(mean, abs=1e-12) and mean > 0
    assert found.per_threshold[0.5] == pytest.approx(at_half, abs=1e-12)


def test_equal_scores_go_in_the_order_of_images():
    box, other = (0.0, 0.0, 0.2, 0.2), (0.5, 0.5, 0.9, 0.9)
    right, wrong = {"a": [ScoredBox(box, 0.5)]}, {"a": [ScoredBox(other, 0.5)]}
    for predictions, expected in (([right, wrong], 51 / 101), ([wrong, right], 51 / 101 / 2)):
        targets = [{"a": [box]}, {"a": [box]}]
        found = mean_average_precision(predictions, targets, ("a",), [0.5]).mean
        assert found == pytest.approx(expected)
        assert coco_evaluation(predictions, targets, ("a",)).stats[1] == pytest.approx(expected)


def test_more_than_cocos_hundred_boxes_count():
    box, other = (0.0, 0.0, 0.2, 0.2), (0.5, 0.5, 0.9, 0.9)
    predictions = [{"a": [ScoredBox(other, 0.9)] * 120 + [ScoredBox(box, 0.1)]}]
    assert mean_average_precision(predictions, [{"a": [box]}], ("a",), [0.5]).mean == pytest.approx(1 / 121)
    assert coco_evaluation(predictions, [{"a": [box]}], ("a",)).stats[1] == 0


GRID = st.integers(0, 4)
BOXES = st.tuples(GRID, GRID, st.integers(1, 3), st.integers(1, 3)).map(
    lambda b: (b[0] / 8, b[1] / 8, (b[0] + b[2]) / 8, (b[1] + b[3]) / 8)
)
IMAGES = st.lists(
    st.tuples(
        st.lists(BOXES, max_size=3, unique=True),
        st.lists(BOXES, max_size=4),
        st.lists(BOXES, max_size=2, unique=True),
        st.lists(BOXES, max_size=2),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(IMAGES, st.randoms(use_true_random=False))
def test_it_is_the_definition(images, random):
    """Distinct scores; a box that overlaps two targets equally may take either, so such cases are left out."""
    for truth_a, found_a, truth_b, found_b in images:
        for truth, found in ((truth_a, found_a), (truth_b, found_b)):
            overlaps = [[iou(box, target) for target in truth] for box in found]
            assume(not any(len({o for o in row if o > 0}) < sum(o > 0 for o in row) for row in overlaps))
    scores = iter(random.sample(range(1, 1000), 64))
    targets = [{"a": truth_a, "b": truth_b} for truth_a, _, truth_b, _ in images]
    predictions = [
        {
            "a": [ScoredBox(b, next(scores) / 1000) for b in found_a],
            "b": [ScoredBox(b, next(scores) / 1000) for b in found_b],
        }
        for _, found_a, _, found_b in images
    ]
    thresholds = (0.15, 0.35, 0.65)  # no overlap of boxes on this grid is near one of them
    found = mean_average_precision(predictions, targets, ("a", "b"), thresholds)
    present = [name for name in "ab" if any(target[name] for target in targets)]
    by_hand = {
        name: np.mean([average_precision_by_hand(predictions, targets, name, t) for t in thresholds])
        for name in present
    }
    assert {name for name, value in found.per_class.items() if not np.isnan(value)} == set(present)
    for name in present:
        assert found.per_class[name] == pytest.approx(by_hand[name], abs=1e-12)
    if present:
        assert found.mean == pytest.approx(np.mean(list(by_hand.values())), abs=1e-12)
        zero = mean_average_precision(predictions, targets, ("a", "b"), thresholds, absent_classes="zero")
        assert zero.mean == pytest.approx(sum(by_hand.values()) / 2, abs=1e-12)


def test_recorded_average_precisions(shared):
    """The authors' figures, which count a class without targets as 0."""
    for folder in sorted((shared / "parity").iterdir()):
        if not (folder / "metrics.json").is_file():
            continue
        recorded = json.loads((folder / "metrics.json").read_text())["detection"]
        names = recorded["class_names"]

        def corners(row):
            x, y, w, h = row[:4]
            return (x - w / 2, y - h / 2, x + w / 2, y + h / 2)

        predictions, targets = [], []
        for found, truth in zip(recorded["pred"], recorded["target"], strict=True):
            predictions.append(
                {n: [ScoredBox(corners(r), r[5]) for r in found if names[int(r[4])] == n] for n in names}
            )
            targets.append({n: [corners(r) for r in truth if names[int(r[4])] == n] for n in names})
        result = mean_average_precision(predictions, targets, names, absent_classes="zero")
        assert result.mean == pytest.approx(recorded["result"]["AP/mAP"], abs=1e-5)
        for name in names:
            value = 0.0 if np.isnan(result.per_class[name]) else result.per_class[name]
            assert value == pytest.approx(recorded["result"][f"AP/classes/mAP_{name}"], abs=1e-5)


def test_weights_repeat_images():
    predictions, targets = random_case(5)
    times = np.random.default_rng(0).integers(0, 4, len(targets))
    repeated = [
        [image for image, n in zip(side, times, strict=True) for _ in range(n)] for side in (predictions, targets)
    ]
    weighted = match_boxes(predictions, targets, CLASSES).mean_average_precision(np.stack([times, times * 2]))
    expected = mean_average_precision(*repeated, CLASSES).mean
    assert weighted == pytest.approx([expected, expected], abs=1e-12)


def test_perfect_and_empty_predictions():
    _, targets = random_case(1)
    perfect = [{name: [ScoredBox(box, 0.9) for box in boxes] for name, boxes in image.items()} for image in targets]
    assert mean_average_precision(perfect, targets, CLASSES).mean == pytest.approx(1.0)
    assert mean_average_precision([{}] * len(targets), targets, CLASSES).mean == 0.0
    assert np.isnan(mean_average_precision([], [], CLASSES).mean)
    assert np.isnan(mean_average_precision([{}], [{}], CLASSES).mean)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="one prediction per image"):
        mean_average_precision([{}], [], CLASSES)
    with pytest.raises(ValueError, match="unknown classes"):
        mean_average_precision([{}], [{"c": []}], CLASSES)
    with pytest.raises(ValueError, match="distinct classes"):
        mean_average_precision([], [], [])
    with pytest.raises(ValueError, match="exclude"):
        mean_average_precision([], [], CLASSES, absent_classes="ignore")


def test_paired_iou():
    pairs = [
        ((0, 0, 0.5, 0.5), (0, 0, 0.5, 0.5)),
        ((0, 0, 0.4, 0.4), (0.2, 0.2, 0.6, 0.6)),
        ((0, 0, 0, 0), (0, 0, 1, 1)),
    ]
    boxes, targets = zip(*pairs, strict=True)
    assert paired_iou(boxes, targets) == pytest.approx([iou(*pair) for pair in pairs])
    assert paired_iou([], []).shape == (0,)
    with pytest.raises(ValueError, match="one box per target"):
        paired_iou(boxes, targets[:1])
