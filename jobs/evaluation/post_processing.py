"""How boxes and probabilities are read as detections: tuned to a data set's way of drawing, on its validation split."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from chex.boxes import scaled
from chex.inference.box_choice import BoxChoice
from chex.inference.features import Answer
from chex.records import ScoredBox

SCALES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6)  # tried for each class
TEMPERATURES = (0.25, 0.5, 1.0, 2.0, 4.0)  # tried, times the model's own
FEWEST_TARGETS = 10  # on fewer true boxes what comes out best would be chance
_NO_BOX = -1.0
_SURE = 1e-6

Measure = Callable[["PostProcessing"], tuple[float, Mapping[str, float]]]  # the figure, and that of every class


def candidates_of(answer: Answer) -> list[dict[str, Any]]:
    """All boxes of an answer with their own scores, as columns of a row; a session without any gives what it shows."""
    found = getattr(answer, "candidates", ()) or answer.boxes
    return [{"box": list(scored.box), "score": scored.score} for scored in found]


def class_probability(answer: Answer) -> float:
    """The probability of the finding that was asked for; 1 where the session says nothing about it."""
    return float(dict(answer.probabilities).get(answer.query.name, 1.0))


@dataclass(frozen=True, slots=True)
class Candidates:
    """N questions, C classes: boxes_xyxy (N, C, M, 4), scores (N, C, M), −1 for no box; class_probabilities (N, C)."""

    classes: tuple[str, ...]
    boxes_xyxy: Tensor
    scores: Tensor
    class_probabilities: Tensor

    @classmethod
    def of(
        cls, classes: Sequence[str], found: Sequence[Sequence[Mapping]], class_probabilities: Sequence[Sequence[float]]
    ) -> Candidates:
        """found: per question its boxes, {"label": class, "box": …, "score": …} each."""
        column = {label: index for index, label in enumerate(classes)}
        grouped: list[list[list[Mapping]]] = [[[] for _ in classes] for _ in found]
        for index, boxes in enumerate(found):
            for box in boxes:
                grouped[index][column[box["label"]]].append(box)
        most = max((len(boxes) for row in grouped for boxes in row), default=0)
        nowhere = {"box": (0.0, 0.0, 0.0, 0.0), "score": _NO_BOX}
        padded = [[[*boxes, *[nowhere] * (most - len(boxes))] for boxes in row] for row in grouped]
        shape = len(found), len(classes), most
        return cls(
            tuple(classes),
            _tensor([[[box["box"] for box in boxes] for boxes in row] for row in padded], *shape, 4),
            _tensor([[[box["score"] for box in boxes] for boxes in row] for row in padded], *shape),
            _tensor([list(row) for row in class_probabilities], *shape[:2]),
        )


@dataclass(frozen=True, slots=True)
class PostProcessing:
    """Which boxes are kept, what their score is, and how much larger they are drawn.

    class_temperature divides the logits of class probabilities once more; scales: per class the factor of its boxes'
    sides, 1 for a class that is not named.
    """

    choice: BoxChoice = field(default_factory=BoxChoice)
    class_temperature: float = 1.0
    scales: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, found: Candidates) -> list[dict[str, list[ScoredBox]]]:
        """Per question the boxes of each class that has any, best first."""
        classes = _sharpened(found.class_probabilities, self.class_temperature)
        scores = self.choice.scores(found.scores, classes[..., None])
        scores = torch.where(found.scores < 0, found.scores, scores)
        boxes, scores, kept = self.choice.among(found.boxes_xyxy, scores, found.scores)
        factors = [self.scales.get(label, 1.0) for label in found.classes]
        if any(factor != 1 for factor in factors):
            boxes = scaled(boxes, torch.tensor(factors, dtype=boxes.dtype)[:, None].expand(scores.shape))
        chosen: list[dict[str, list[ScoredBox]]] = [{} for _ in range(len(boxes))]
        places = kept.nonzero()
        values = zip(places.tolist(), boxes[kept].tolist(), scores[kept].tolist(), strict=True)
        for (question, label, _), box, score in values:
            chosen[question].setdefault(found.classes[label], []).append(ScoredBox(tuple(box), score))
        return chosen

    def as_options(self) -> dict[str, Any]:
        """Plain values, for a record and for `from_options`."""
        return {**asdict(self.choice), "class_temperature": self.class_temperature, "scales": dict(self.scales)}

    def from_options(self, options: Mapping[str, Any] | None) -> PostProcessing:
        """This, but for what the options say."""
        options = options or {}
        choice = {name: options[name] for name in asdict(self.choice) if name in options}
        rest = {name: options[name] for name in ("class_temperature", "scales") if name in options}
        return replace(self, choice=replace(self.choice, **choice), **rest)

    def in_words(self) -> str:
        kept = {
            "apart": f"boxes that lie apart (IoU at most {self.choice.nms_iou:g})",
            "best": "the best box of each class",
            "union": "one box around all of a class",
            "all": "all boxes",
        }[self.choice.kept]
        score = {"box_and_class": "box score × class probability", "box": "box score", "class": "class probability"}
        least = f" of at least {self.choice.least_score:g}" if self.choice.least_score else ""
        sizes = ", boxes scaled by class" if any(factor != 1 for factor in self.scales.values()) else ""
        return f"{kept}, score = {score[self.choice.score]}{least}{sizes}"


def box_ways(default: PostProcessing) -> Iterator[PostProcessing]:
    """Every way to keep boxes, with the score as it is."""
    for kept in ("apart", "best", "union"):
        yield replace(default, choice=replace(default.choice, kept=kept))


def box_and_score_ways(default: PostProcessing) -> Iterator[PostProcessing]:
    """Every way to keep boxes with every way to score them; a temperature only changes the order of products."""
    scores = [("box", 1.0), ("class", 1.0), *(("box_and_class", temperature) for temperature in TEMPERATURES)]
    for way, (score, temperature) in itertools.product(box_ways(default), scores):
        yield replace(way, choice=replace(way.choice, score=score), class_temperature=temperature)


def tuned(
    default: PostProcessing, ways: Iterator[PostProcessing], measure: Measure, targets: Mapping[str, int], rows: int
) -> dict[str, Any]:
    """The best of `ways`, then the best scale of every class of at least `FEWEST_TARGETS` targets, as options.

    measure: the figures on `rows` validation samples, more is better. Of equal ways the first stays; with fewer than
    `FEWEST_TARGETS` targets in all nothing is tuned.
    """
    if sum(targets.values()) < FEWEST_TARGETS:
        reason = f"defaults: {sum(targets.values())} boxes of this task in the validation split"
        return {**default.as_options(), "tuned_on": 0, "reason": f"{reason}, at least {FEWEST_TARGETS} expected"}
    before = value = measure(default)[0]
    best = default
    for way in ways:
        reached = measure(way)[0]
        if reached > value:
            best, value = way, reached
    by_scale = {scale: measure(replace(best, scales=dict.fromkeys(targets, scale)))[1] for scale in SCALES}
    scales = {
        label: max(SCALES, key=lambda scale: (by_scale[scale][label], -abs(scale - 1)))
        for label, count in targets.items()
        if count >= FEWEST_TARGETS
    }
    best = replace(best, scales=scales)
    return {**best.as_options(), "tuned_on": rows, "before": before, "after": measure(best)[0]}


def _sharpened(probabilities: Tensor, temperature: float) -> Tensor:
    return probabilities if temperature == 1 else (probabilities.logit(eps=_SURE) / temperature).sigmoid()


def _tensor(values: list, *shape: int) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(shape)
