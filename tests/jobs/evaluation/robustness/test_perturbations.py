from __future__ import annotations

import numpy as np
import pytest

from jobs.evaluation.robustness.blur import blurred_box, elsewhere, mirrored
from jobs.evaluation.robustness.perturbations import PERTURBATIONS, brightened, compressed, contrasted, moved

IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
BOXES = np.array([[0.25, 0.0, 0.75, 1.0]])


def test_what_moves_in_repeats_the_edge_and_boxes_move_along():
    image, boxes = moved(IMAGE, BOXES, right=0.25, down=0.0)
    assert image.tolist() == [[0, 0, 20, 40], [80, 80, 100, 120], [160, 160, 180, 200]]
    assert boxes.tolist() == [[0.5, 0.0, 1.0, 1.0]]
    image, boxes = moved(IMAGE, BOXES, right=-0.25, down=1 / 3)
    assert image.tolist() == [[20, 40, 60, 60], [20, 40, 60, 60], [100, 120, 140, 140]]
    assert boxes.tolist() == [[0.0, pytest.approx(1 / 3), 0.5, 1.0]]  # what leaves the image is cut off


def test_a_move_below_half_a_pixel_is_none():
    image, boxes = moved(IMAGE, BOXES, right=0.02, down=0.0)
    assert (image == IMAGE).all() and (boxes == BOXES).all()


def test_brightness_and_contrast_of_known_grey_values():
    image = np.array([[0, 100], [200, 240]], dtype=np.uint8)  # mean 135
    assert brightened(image, BOXES, factor=1.1)[0].tolist() == [[0, 110], [220, 255]]
    assert contrasted(image, BOXES, factor=0.9)[0].tolist() == [[14, 104], [194, 230]]
    assert contrasted(image, BOXES, factor=1.2)[0].tolist() == [[0, 93], [213, 255]]
    assert brightened(image, BOXES, factor=1.1)[1] is BOXES


def test_compression_loses_more_at_lower_quality():
    image = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    lost = [
        np.abs(compressed(image, BOXES, quality=q)[0].astype(int) - image).mean() for q in (95, 75, 50)
    ]  # fmt: skip
    assert 0 < lost[0] < lost[1] < lost[2]


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_perturbations_are_pure_and_keep_shape(name):
    image = np.random.default_rng(0).integers(0, 256, (64, 48), dtype=np.uint8)
    before, boxes_before = image.copy(), BOXES.copy()
    first, second = (PERTURBATIONS[name](image, BOXES) for _ in range(2))
    assert (image == before).all() and (BOXES == boxes_before).all()
    assert first[0].shape == image.shape and first[0].dtype == np.uint8
    assert (first[0] != image).any() and (first[0] == second[0]).all() and (first[1] == second[1]).all()


def test_blur_changes_the_box_alone():
    image = np.zeros((50, 100), dtype=np.uint8)
    image[20:30, 40:50] = 200
    box = (0.3, 0.3, 0.6, 0.7)
    hidden = blurred_box(image, box)
    outside = np.ones(image.shape, dtype=bool)
    outside[15:35, 30:60] = False
    assert (hidden[outside] == image[outside]).all()
    assert hidden.max() < 100 and image.max() == 200


def test_another_place_has_the_size_and_does_not_overlap():
    box, generator = (0.3, 0.3, 0.6, 0.5), np.random.default_rng(0)
    places = [elsewhere(box, generator) for _ in range(100)]
    for x_min, y_min, x_max, y_max in places:
        assert (x_max - x_min, y_max - y_min) == (pytest.approx(0.3), pytest.approx(0.2))
        assert min(x_min, y_min) >= 0 and max(x_max, y_max) <= 1
        assert x_max <= 0.3 or x_min >= 0.6 or y_max <= 0.3 or y_min >= 0.5
    assert len(set(places)) == 100
    assert elsewhere((0.2, 0.2, 0.9, 0.9), generator) is None


def test_the_mirrored_place_is_across_the_midline():
    assert mirrored((0.1, 0.2, 0.4, 0.6)) == pytest.approx((0.6, 0.2, 0.9, 0.6))
    assert mirrored((0.1, 0.2, 0.6, 0.6)) is None
