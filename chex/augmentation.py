"""Random crops, turns, flips and exposures of a training image, its boxes and its words (paper, section 3.3).

Each sample draws from its own generator, seeded by (seed, epoch, sample), so that the result depends neither on
the batch a sample comes in nor on the process that prepares it.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import replace

import numpy as np
from PIL import Image, ImageFilter

from chex.geometry import Frame, crop, flip, resample, rotate, scale, shift, visible_boxes
from chex.records import Annotations, PathologyBox, Region
from chex.training_config import AugmentationConfig
from chex.vocabulary import Vocabulary
from chex.vocabulary.laterality import swap_sides


def sample_generator(seed: int, epoch: int, sample_id: str, copy: int = 0) -> np.random.Generator:
    """The randomness of one sample in one epoch; `copy` tells repetitions of an oversampled image apart."""
    return np.random.default_rng((seed, epoch, zlib.crc32(sample_id.encode()), copy))


def augment(
    pixels: np.ndarray,
    annotations: Annotations,
    *,
    frame: Frame,
    config: AugmentationConfig,
    generator: np.random.Generator,
    vocabulary: Vocabulary,
) -> tuple[np.ndarray, Annotations]:
    """The model image (S, S) uint8 of a stored image (H, W) uint8, randomly changed, and its annotations with it.

    Boxes become relative to the model image; those that are no longer visible are left out, and so is
    a region or phrase that loses its boxes. Image-wide labels and sentences stay.
    """
    flipped = bool(generator.random() < config.flip)
    matrix = _random_map(config, generator, flipped) @ frame.matrix
    image = exposed(resample(pixels, matrix, frame.size), config, generator)
    if generator.random() < config.blur:
        image = blurred(image, generator.uniform(*config.blur_sigma))
    moved = move_annotations(annotations, matrix, config.least_visible)
    return image, mirror_words(moved, vocabulary) if flipped and config.swap_sides_on_flip else moved


def frame_annotations(annotations: Annotations, frame: Frame) -> Annotations:
    """The annotations of a stored image, relative to the model image that the frame gives; nothing random."""
    return annotations if frame.fit == "stretch" else move_annotations(annotations, frame.matrix, least_visible=0.0)


def move_annotations(annotations: Annotations, matrix: np.ndarray, least_visible: float) -> Annotations:
    """All boxes under one map, clipped; what shows less than `least_visible` of its area is left out."""
    regions, findings, phrases = annotations.anatomy, annotations.pathology_boxes, annotations.grounded
    boxes = [item.box for item in (*regions, *findings)] + [box for phrase in phrases for box in phrase.boxes]
    if not boxes:
        return annotations
    clipped, kept = visible_boxes(np.array(boxes), matrix, least_visible)
    moved = iter([tuple(box) if keep else None for box, keep in zip(clipped.tolist(), kept.tolist(), strict=True)])

    # made field by field: dataclasses.replace takes twice as long, and there are thirty of them in an image
    kept_regions = tuple(
        Region(r.region, box, r.sentences, r.labels_present, r.labelled)
        for r in regions
        if (box := next(moved)) is not None
    )
    kept_findings = tuple(PathologyBox(f.label, box, f.readers) for f in findings if (box := next(moved)) is not None)
    left = [tuple(box for _ in phrase.boxes if (box := next(moved)) is not None) for phrase in phrases]
    kept_phrases = tuple(replace(phrase, boxes=boxes) for phrase, boxes in zip(phrases, left, strict=True) if boxes)
    return replace(annotations, anatomy=kept_regions, pathology_boxes=kept_findings, grounded=kept_phrases)


def mirror_words(annotations: Annotations, vocabulary: Vocabulary) -> Annotations:
    """Right and left exchanged in region names, sentences and phrases. Boxes are left alone.

    A region without an opposite keeps its name wherever the mirrored image shows it: the box of the right atrium lies
    on the other side, beside an apex that points there, as in situs inversus. Labels have no sides.
    """

    def opposite(region: str) -> str:
        term = vocabulary.regions.get(region) or vocabulary.grouped.get(region)
        return term.mirror if term else swap_sides(region)

    def swapped(sentences: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(swap_sides, sentences))

    return replace(
        annotations,
        sentences=swapped(annotations.sentences),
        indication=None if annotations.indication is None else swap_sides(annotations.indication),
        anatomy=tuple(
            Region(opposite(r.region), r.box, swapped(r.sentences), r.labels_present, r.labelled)
            for r in annotations.anatomy
        ),
        grounded=tuple(replace(phrase, phrase=swap_sides(phrase.phrase)) for phrase in annotations.grounded),
    )


def _random_map(config: AugmentationConfig, generator: np.random.Generator, flipped: bool) -> np.ndarray:
    area = generator.uniform(*config.crop_area)
    aspect = math.exp(generator.uniform(*np.log(config.crop_aspect)))
    width = min(1.0, max(math.sqrt(area * aspect), area))  # not narrower than what a full-height crop needs
    height = area / width
    left, top = generator.uniform(0, 1 - width), generator.uniform(0, 1 - height)
    distance_x, distance_y = generator.uniform(-config.shift, config.shift, 2)
    matrix = crop((left, top, left + width, top + height))
    if flipped:
        matrix = flip() @ matrix
    turn = rotate(generator.uniform(-config.rotation_degrees, config.rotation_degrees))
    return shift(distance_x, distance_y) @ scale(generator.uniform(*config.scale)) @ turn @ matrix


def exposed(image: np.ndarray, config: AugmentationConfig, generator: np.random.Generator) -> np.ndarray:
    """Random contrast about the image's mean, then brightness, as one table of 256 grey values. uint8 (S, S)."""
    contrast, brightness = generator.uniform(*config.contrast), generator.uniform(*config.brightness)
    mean = int(image.sum(dtype=np.uint64)) / image.size
    table = ((np.arange(256) - mean) * contrast + mean) * brightness
    return np.take(table.round().clip(0, 255).astype(np.uint8), image)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """Smoothed by a Gaussian of `sigma` pixels. uint8 (S, S)."""
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(sigma)))
