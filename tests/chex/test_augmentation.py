"""Augmentation: what happens to the image happens to the boxes and to the words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chex.augmentation import augment, frame_annotations, mirror_words, move_annotations, sample_generator
from chex.geometry import Frame, crop
from chex.records import Annotations, GroundedPhrase, PathologyBox, PathologyLabel, Region
from chex.training_config import AugmentationConfig
from chex.vocabulary import load

NOTHING = AugmentationConfig(
    crop_area=(1, 1), crop_aspect=(1, 1), flip=0, rotation_degrees=0, shift=0, scale=(1, 1), contrast=(1, 1),
    brightness=(1, 1), blur=0,
)  # fmt: skip
FRAME = Frame(64, 64, 64)
ANNOTATIONS = Annotations(
    sentences=("Small right pleural effusion.", "The heart is normal."),
    indication="Pain on the LEFT side.",
    anatomy=(
        Region("right lung", (0.125, 0.25, 0.5, 0.75), ("Opacity in the right base.",), ("cig/lung opacity",), True),
        Region("cardiac silhouette", (0.5, 0.5, 0.75, 0.75)),
    ),
    pathology_boxes=(PathologyBox("vindr/Pleural effusion", (0.0, 0.5, 0.25, 0.75), 2),),
    pathology_labels=(PathologyLabel("vindr/Pleural effusion", 1),),
    grounded=(GroundedPhrase("right basilar opacity", ((0.125, 0.5, 0.25, 0.75), (0.75, 0.0, 1.0, 0.25))),),
)


def pixels():
    return np.random.default_rng(3).integers(0, 256, (64, 64), dtype=np.uint8)


def augmented(config, seed=0, annotations=ANNOTATIONS):
    generator = sample_generator(seed, 0, "mimic/1")
    return augment(pixels(), annotations, frame=FRAME, config=config, generator=generator, vocabulary=load())


def test_nothing_switched_on_changes_nothing():
    image, annotations = augmented(NOTHING)
    np.testing.assert_array_equal(image, pixels())
    assert annotations == ANNOTATIONS


def test_a_flip_mirrors_pixels_boxes_and_words():
    image, annotations = augmented(replace(NOTHING, flip=1.0))
    np.testing.assert_array_equal(image, pixels()[:, ::-1])
    assert annotations == Annotations(
        sentences=("Small left pleural effusion.", "The heart is normal."),
        indication="Pain on the RIGHT side.",
        anatomy=(
            Region("left lung", (0.5, 0.25, 0.875, 0.75), ("Opacity in the left base.",), ("cig/lung opacity",), True),
            Region("cardiac silhouette", (0.25, 0.5, 0.5, 0.75)),
        ),
        pathology_boxes=(PathologyBox("vindr/Pleural effusion", (0.75, 0.5, 1.0, 0.75), 2),),
        pathology_labels=(PathologyLabel("vindr/Pleural effusion", 1),),
        grounded=(GroundedPhrase("left basilar opacity", ((0.75, 0.5, 0.875, 0.75), (0.0, 0.0, 0.25, 0.25))),),
    )


def test_a_flip_keeps_the_name_of_what_there_is_one_of():
    """The box of the right atrium goes to the other side, as in situs inversus, and it is still the right atrium."""
    one_sided = Annotations(
        sentences=("Leads in the right atrium and right ventricle, left base clear.",),
        anatomy=(Region("right atrium", (0.25, 0.5, 0.5, 0.75)), Region("svc", (0.25, 0.25, 0.375, 0.5)),
                 Region("aortic arch", (0.5, 0.25, 0.75, 0.5)), Region("left clavicle", (0.5, 0.0, 1.0, 0.25))),
    )  # fmt: skip
    _, annotations = augmented(replace(NOTHING, flip=1.0), annotations=one_sided)
    assert annotations == Annotations(
        sentences=("Leads in the right atrium and right ventricle, right base clear.",),
        anatomy=(Region("right atrium", (0.5, 0.5, 0.75, 0.75)), Region("svc", (0.625, 0.25, 0.75, 0.5)),
                 Region("aortic arch", (0.25, 0.25, 0.5, 0.5)), Region("right clavicle", (0.0, 0.0, 0.5, 0.25))),
    )  # fmt: skip


@pytest.mark.parametrize("swap", [True, False])
def test_flipping_twice_gives_image_boxes_and_words_back(swap):
    image, annotations = pixels(), ANNOTATIONS
    for seed in (0, 1):
        image, annotations = augment(
            image, annotations, frame=FRAME, config=replace(NOTHING, flip=1.0, swap_sides_on_flip=swap),
            generator=sample_generator(seed, 0, "mimic/1"), vocabulary=load(),
        )  # fmt: skip
    np.testing.assert_array_equal(image, pixels())
    assert annotations == ANNOTATIONS


def test_the_papers_flip_leaves_the_words():
    _, annotations = augmented(replace(NOTHING, flip=1.0, swap_sides_on_flip=False))
    assert annotations.sentences == ANNOTATIONS.sentences
    assert annotations.anatomy[0].region == "right lung"
    assert annotations.anatomy[0].box == (0.5, 0.25, 0.875, 0.75)


def test_mirroring_twice_gives_every_region_back():
    vocabulary = load()
    every = Annotations(
        anatomy=tuple(Region(name, (0, 0, 1, 1)) for name in (*vocabulary.regions, *vocabulary.grouped))
    )
    assert mirror_words(mirror_words(every, vocabulary), vocabulary) == every
    unknown = Annotations(anatomy=(Region("left something new", (0, 0, 1, 1)),))
    assert mirror_words(unknown, vocabulary).anatomy[0].region == "right something new"


def test_what_leaves_the_image_is_left_out():
    moved = move_annotations(ANNOTATIONS, crop((0.5, 0.0, 1.0, 1.0)), 0.25)
    assert moved.anatomy == (Region("cardiac silhouette", (0.0, 0.5, 0.5, 0.75)),)
    assert moved.pathology_boxes == ()
    assert moved.grounded == (GroundedPhrase("right basilar opacity", ((0.5, 0.0, 1.0, 0.25),)),)
    assert moved.pathology_labels == ANNOTATIONS.pathology_labels and moved.sentences == ANNOTATIONS.sentences
    assert move_annotations(ANNOTATIONS, crop((0.3, 0.8, 0.6, 1.0)), 0.25).grounded == ()


def test_without_boxes_there_is_nothing_to_move():
    assert move_annotations(Annotations(sentences=("x",)), crop((0, 0, 0.5, 0.5)), 0.2) == Annotations(sentences=("x",))


def test_frames_move_annotations_too():
    annotations = Annotations(pathology_boxes=(PathologyBox("nih/Mass", (0.25, 0.0, 0.5, 1.0)),))
    assert frame_annotations(annotations, Frame(100, 200, 64)) == annotations
    assert frame_annotations(annotations, Frame(100, 200, 64, "pad")).pathology_boxes[0].box == (0.25, 0.25, 0.5, 0.75)


def test_brightness_and_contrast_by_hand():
    image, _ = augmented(replace(NOTHING, brightness=(0.5, 0.5)))
    assert np.abs(image - pixels() / 2).max() <= 0.5
    image, _ = augmented(replace(NOTHING, contrast=(0.5, 0.5)))
    mean = pixels().mean()
    assert np.abs(image - (mean + (pixels() - mean) / 2)).max() <= 0.51


def test_blur_smooths():
    image, _ = augmented(replace(NOTHING, blur=1.0, blur_sigma=(2.0, 2.0)))
    assert image.std() < pixels().std() / 3


def test_the_same_sample_is_the_same_and_others_are_not():
    config = AugmentationConfig()
    first, again = augmented(config), augmented(config)
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1] == again[1]
    assert not np.array_equal(first[0], augmented(config, seed=1)[0])
    draws = {
        sample_generator(*key).random() for key in [(0, 0, "a"), (0, 1, "a"), (1, 0, "a"), (0, 0, "b"), (0, 0, "a", 1)]
    }
    assert len(draws) == 5


def test_a_marked_finding_stays_under_its_box():
    """A bright square drawn where the box is must be found where the moved box is."""
    marked = np.zeros((256, 256), np.uint8)
    marked[96:160, 64:128] = 255
    annotations = Annotations(pathology_boxes=(PathologyBox("vindr/Mass", (0.25, 0.375, 0.5, 0.625)),))
    config = replace(AugmentationConfig(), blur=0, contrast=(1, 1), brightness=(1, 1), flip=0.5)
    seen = 0
    for copy in range(40):
        generator = sample_generator(0, 0, "x", copy)
        image, moved = augment(
            marked, annotations, frame=Frame(256, 256, 128), config=config, generator=generator, vocabulary=load()
        )
        for finding in moved.pathology_boxes:
            rows, columns = np.nonzero(image > 127)
            found = [columns.min() / 128, rows.min() / 128, (columns.max() + 1) / 128, (rows.max() + 1) / 128]
            assert found == pytest.approx(finding.box, abs=3 / 128)
            seen += 1
    assert seen > 30


def test_crops_keep_the_area_they_should():
    config = replace(NOTHING, crop_area=(0.5, 0.5), crop_aspect=(0.5, 2.0), least_visible=0.0)
    inner = Annotations(anatomy=(Region("spine", (0.0, 0.0, 1.0, 1.0)), Region("carina", (0.45, 0.45, 0.55, 0.55))))
    for seed in range(20):
        _, moved = augmented(config, seed, inner)
        carina = [region.box for region in moved.anatomy if region.region == "carina"]
        for x_min, y_min, x_max, y_max in carina:
            if x_min > 0 and y_min > 0 and x_max < 1 and y_max < 1:
                assert (x_max - x_min) * (y_max - y_min) == pytest.approx(0.01 / 0.5, rel=1e-6)


def drawn_maps(config, count=300):
    """The linear maps (2, 2) and the images of the centre (2,) of many draws, measured from three tiny boxes."""
    tiny = [(0.5, 0.5), (0.51, 0.5), (0.5, 0.51)]
    marks = Annotations(
        pathology_boxes=tuple(PathologyBox("x/y", (x - 1e-5, y - 1e-5, x + 1e-5, y + 1e-5)) for x, y in tiny)
    )
    for seed in range(count):
        _, moved = augmented(config, seed, marks)
        if len(moved.pathology_boxes) == 3:
            points = np.array([[(b[0] + b[2]) / 2, (b[1] + b[3]) / 2] for b in (m.box for m in moved.pathology_boxes)])
            yield (points[1:] - points[0]).T / 0.01, points[0]


def test_turns_shifts_and_scales_fill_their_ranges():
    config = replace(AugmentationConfig(), crop_area=(1, 1), crop_aspect=(1, 1), flip=0)
    linear, centre = map(np.array, zip(*drawn_maps(config), strict=True))
    degrees = np.degrees(np.arctan2(linear[:, 0, 1], linear[:, 0, 0]))
    factor, distance = np.sqrt(np.linalg.det(linear)), np.abs(centre - 0.5)
    for values, low, high in ((degrees, -10, 10), (factor, 0.95, 1.0), (distance, 0.0, 0.02)):
        margin = 0.05 * (high - low)
        assert low - 1e-6 <= values.min() <= low + margin and high - margin <= values.max() <= high + 1e-6
    assert (centre < 0.5).mean() == pytest.approx(0.5, abs=0.1)


def test_crops_and_flips_fill_their_ranges():
    config = replace(NOTHING, crop_area=(0.5, 1.0), crop_aspect=(0.75, 1.3333), flip=0.5)
    linear = np.array([linear for linear, _ in drawn_maps(config, 600)])
    width, height = 1 / np.abs(linear[:, 0, 0]), 1 / linear[:, 1, 1]
    assert 0.5 - 1e-6 <= (width * height).min() < 0.53 and 0.97 < (width * height).max() <= 1 + 1e-6
    assert 0.75 - 1e-4 <= (width / height).min() < 0.8 and 1.27 < (width / height).max() <= 1.3334
    assert (linear[:, 0, 0] < 0).mean() == pytest.approx(0.5, abs=0.06)


def test_one_in_two_images_is_blurred():
    config = replace(NOTHING, blur=0.5, blur_sigma=(0.5, 1.0))
    assert np.mean([augmented(config, seed)[0].std() < 0.9 * pixels().std() for seed in range(200)]) == pytest.approx(
        0.5, abs=0.1
    )


def test_the_ranges_are_the_papers():
    config = AugmentationConfig()
    assert (config.crop_area, config.flip, config.rotation_degrees, config.shift) == ((0.5, 1.0), 0.5, 10.0, 0.02)
    assert (config.scale, config.contrast, config.brightness) == ((0.95, 1.0), (0.6, 1.4), (0.6, 1.4))
    assert config.swap_sides_on_flip
