"""The metrics whose bootstrap is timed, on made-up predictions of the size of the paper's test sets.

Each case takes the number of samples and a generator, and gives two functions: `prepare()` → a statistic of weights
(D, N), and `plain(rows)` → the same figure of the samples of these numbers, computed anew.
"""

from __future__ import annotations

import numpy as np

from chex.metrics.calibration import calibration_error
from chex.metrics.classification import class_aurocs, rank_classes
from chex.metrics.detection import match_boxes, mean_average_precision
from chex.metrics.grounded_facts import grounded_facts
from chex.metrics.label_agreement import LabelCounts
from chex.metrics.overlap import covered_areas, region_overlaps
from chex.metrics.regions import rank_regions, region_aurocs
from chex.metrics.text import bleu, bleu_counts, bleu_of, cider, rouge_l
from chex.records import GroundedPhrase, ScoredBox

REGIONS, LABELS, PATHOLOGIES, CLASSES = 36, 53, 14, 15
_WORDS = [f"word{number}" for number in range(300)]


def _boxes(generator: np.random.Generator, count: int) -> np.ndarray:
    corner = generator.random((count, 2)) * 0.6
    return np.concatenate([corner, corner + 0.1 + generator.random((count, 2)) * 0.3], axis=1)


def _detections(samples: int, generator: np.random.Generator) -> tuple[list, list]:
    """On average 3 boxes per image and class, and 1 target per image."""
    names = [f"class {number}" for number in range(CLASSES)]
    predictions, targets = [], []
    for _ in range(samples):
        said, right = {}, {}
        for name in names:
            scores = generator.random(generator.integers(0, 7))
            boxes = _boxes(generator, len(scores)).tolist()
            said[name] = [ScoredBox(tuple(box), score) for box, score in zip(boxes, scores.tolist(), strict=True)]
            right[name] = [tuple(box) for box in _boxes(generator, int(generator.random() < 1 / CLASSES)).tolist()]
        predictions.append(said)
        targets.append(right)
    return predictions, targets


def detection(samples, generator):
    names = [f"class {number}" for number in range(CLASSES)]
    predictions, targets = _detections(samples, generator)

    def plain(rows):
        return mean_average_precision([predictions[i] for i in rows], [targets[i] for i in rows], names).mean

    return lambda: match_boxes(predictions, targets, names).mean_average_precision, plain


def _labels(samples: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Labels from very rare to common, and scores that know something; (N, C) each."""
    often = np.geomspace(0.002, 0.4, LABELS)
    targets = (generator.random((samples, LABELS)) < often).astype(int)
    return targets + generator.normal(0, 1, targets.shape), targets


def regions_auroc(samples, generator):
    scores, targets = _labels(samples * REGIONS, generator)
    sample, region = np.repeat(np.arange(samples), REGIONS), np.tile(np.arange(REGIONS).astype(str), samples)
    names = [str(label) for label in range(LABELS)]

    def prepare():
        ranked = rank_regions(scores, targets, region, names, sample, samples)
        return lambda weights: ranked.aurocs(weights).overall

    def plain(rows):
        rows = (rows[:, None] * REGIONS + np.arange(REGIONS)).ravel()
        return region_aurocs(scores[rows], targets[rows], region[rows], names).overall[0]

    return prepare, plain


def pooled_auroc(samples, generator):
    scores, targets = _labels(samples * REGIONS, generator)
    sample, names = np.repeat(np.arange(samples), REGIONS), [str(label) for label in range(LABELS)]

    def prepare():
        ranked = rank_classes(scores, targets, names, sample, samples)
        return lambda weights: ranked.aurocs(weights).weighted

    def plain(rows):
        rows = (rows[:, None] * REGIONS + np.arange(REGIONS)).ravel()
        return class_aurocs(scores[rows], targets[rows], names).weighted[0]

    return prepare, plain


def image_auroc(samples, generator):
    scores, targets = (side[:, -PATHOLOGIES:] for side in _labels(samples, generator))
    names = [str(label) for label in range(PATHOLOGIES)]

    def prepare():
        ranked = rank_classes(scores, targets, names)
        return lambda weights: ranked.aurocs(weights).macro

    return prepare, lambda rows: class_aurocs(scores[rows], targets[rows], names).macro[0]


def _f1(score):
    def case(samples, generator):
        said, true = (generator.random((2, samples, PATHOLOGIES)) < 0.2).astype(bool)
        names = tuple(str(label) for label in range(PATHOLOGIES))

        def prepare():
            counts = LabelCounts(names, said, true)
            return lambda weights: score(counts, weights)

        return prepare, lambda rows: score(LabelCounts(names, said[rows], true[rows]))[0]

    return case


def _texts(samples: int, generator: np.random.Generator) -> tuple[list, ...]:
    lengths = generator.integers(20, 80, (2, samples))
    return tuple([generator.choice(_WORDS, n).tolist() for n in side] for side in lengths)


def bleu_1(samples, generator):
    texts, references = _texts(samples, generator)

    def prepare():
        counts = bleu_counts(texts, references)
        return lambda weights: bleu_of(counts, weights)[:, 0]

    return prepare, lambda rows: bleu([texts[i] for i in rows], [references[i] for i in rows])[0, 0]


def rouge(samples, generator):
    texts, references = _texts(samples, generator)

    def prepare():
        scores = rouge_l(texts, references)
        return lambda weights: weights @ scores / weights.sum(axis=1)

    return prepare, lambda rows: rouge_l([texts[i] for i in rows], [references[i] for i in rows]).mean()


def cider_mean(samples, generator):
    """How rare words are comes from all references, in both ways: it belongs to the test set, not to the draw."""
    texts, references = _texts(samples, generator)

    def prepare():
        found = cider(texts, references)
        return lambda weights: weights @ found / weights.sum(axis=1)

    return prepare, lambda rows: cider(texts, references)[rows].mean()


def region_iou(samples, generator):
    boxes, targets = (_boxes(generator, samples * REGIONS).reshape(samples, REGIONS, 4) for _ in range(2))
    present = generator.random((samples, REGIONS)) < 0.9
    return (
        lambda: region_overlaps(boxes, targets, present).macro,
        lambda rows: region_overlaps(boxes[rows], targets[rows], present[rows]).macro()[0],
    )


def sentence_iou(samples, generator):
    said = [[ScoredBox(tuple(b), 1.0) for b in _boxes(generator, 3).tolist()] for _ in range(samples)]
    true = [[tuple(b) for b in _boxes(generator, 2).tolist()] for _ in range(samples)]
    return (
        lambda: covered_areas(said, true).micro,
        lambda rows: covered_areas([said[i] for i in rows], [true[i] for i in rows]).micro()[0],
    )


def calibration(samples, generator):
    probabilities = generator.random((samples, PATHOLOGIES))
    targets = (generator.random(probabilities.shape) < probabilities**2).astype(int)
    return (
        lambda: lambda weights: calibration_error(probabilities, targets, weights),
        lambda rows: calibration_error(probabilities[rows], targets[rows])[0],
    )


def facts(samples, generator):
    sentences = ["No effusion.", "Small left effusion.", "Mild edema.", "Cardiomegaly.", "The lungs are clear."]
    generated, reference = (
        [
            [GroundedPhrase(text, tuple(map(tuple, _boxes(generator, 1).tolist()))) for text in chosen]
            for chosen in generator.choice(sentences, (samples, 3))
        ]
        for _ in range(2)
    )

    def plain(rows):
        found = grounded_facts([generated[i] for i in rows], [reference[i] for i in rows])
        return found.figures()["spatial_precision"][0]

    def prepare():
        found = grounded_facts(generated, reference)
        return lambda weights: found.figures(weights)["spatial_precision"]

    return prepare, plain


CASES = {
    "mAP, 15 classes": detection,
    "within-region AUROC, 53 x 36": regions_auroc,
    "pooled region AUROC, 53": pooled_auroc,
    "image AUROC, 14": image_auroc,
    "micro F1-14": _f1(LabelCounts.micro),
    "macro F1-14": _f1(LabelCounts.macro),
    "example F1-14": _f1(LabelCounts.example),
    "BLEU-1": bleu_1,
    "ROUGE-L": rouge,
    "CIDEr-D": cider_mean,
    "mIoU of 36 regions": region_iou,
    "mIoU of sentences": sentence_iou,
    "calibration error, 14": calibration,
    "grounded facts": facts,
}
