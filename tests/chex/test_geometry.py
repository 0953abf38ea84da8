"""Geometry: pixels and boxes move together, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chex.geometry import Frame, crop, flip, move_boxes, resample, rotate, scale, shift, visible_boxes

FITS = ("stretch", "center_crop", "pad")
unit = st.floats(0.0, 1.0)


@st.composite
def boxes(draw):
    x, y = sorted((draw(unit), draw(unit))), sorted((draw(unit), draw(unit)))
    return np.array([[x[0], y[0], x[1], y[1]]])


def square(height, width, box):
    """A bright rectangle on black whose edges lie on pixel borders."""
    pixels = np.zeros((height, width), np.uint8)
    x_min, y_min, x_max, y_max = box
    pixels[round(y_min * height) : round(y_max * height), round(x_min * width) : round(x_max * width)] = 255
    return pixels


def seen_box(pixels):
    """The box of what is brighter than half, relative: measured from the pixels alone."""
    rows, columns = np.nonzero(pixels > 127)
    height, width = pixels.shape
    return np.array(
        [columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height]
    )


@settings(max_examples=60, deadline=None)
@given(boxes(), st.integers(1, 3000), st.integers(1, 3000), st.integers(8, 300), st.sampled_from(FITS))
def test_a_frame_can_be_undone(box, height, width, size, fit):
    frame = Frame(height, width, size, fit)
    np.testing.assert_allclose(frame.inverse_boxes(frame.boxes(box)), box, atol=1e-9)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("shape", [(400, 300), (300, 400), (256, 256), (100, 80)])
def test_a_frame_moves_boxes_with_the_pixels(fit, shape):
    box = np.array([[0.4, 0.4, 0.6, 0.7]])
    frame = Frame(*shape, 128, fit)
    np.testing.assert_allclose(seen_box(frame.image(square(*shape, box[0]))), frame.boxes(box)[0], atol=1.01 / 128)


def test_frames_by_hand():
    np.testing.assert_allclose(
        Frame(100, 200, 50, "center_crop").boxes(np.array([[0.25, 0, 0.5, 1]]))[0], [0, 0, 0.5, 1]
    )
    np.testing.assert_allclose(Frame(100, 200, 64, "pad").boxes(np.array([[0, 0, 1, 1]]))[0], [0, 0.25, 1, 0.75])
    outside = Frame(100, 200, 50, "center_crop").boxes(np.array([[0, 0, 1, 1]]), clip=True)
    np.testing.assert_allclose(outside[0], [0, 0, 1, 1])
    assert Frame(100, 200, 64).boxes(np.zeros((0, 4))).shape == (0, 4)


def test_the_padding_is_black_and_the_image_whole():
    image = Frame(100, 200, 64, "pad").image(np.full((100, 200), 200, np.uint8))
    assert (image[:16] == 0).all() and (image[48:] == 0).all() and (image[16:48] == 200).all()


@settings(max_examples=40, deadline=None)
@given(boxes(), st.floats(-90, 90), st.floats(0.3, 3), st.floats(-0.5, 0.5))
def test_maps_can_be_undone(box, degrees, factor, distance):
    points = np.column_stack([box[:, [0, 2]].T, box[:, [1, 3]].T, np.ones(2)]).T
    matrix = shift(distance, -distance) @ scale(factor) @ rotate(degrees) @ flip()
    back = flip() @ rotate(-degrees) @ scale(1 / factor) @ shift(-distance, distance)
    np.testing.assert_allclose(back @ matrix @ points, points, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(boxes())
def test_flipping_twice_changes_nothing(box):
    np.testing.assert_allclose(move_boxes(move_boxes(box, flip()), flip()), box, atol=1e-12)


def test_flipping_the_pixels_is_numpys_flip():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    np.testing.assert_array_equal(resample(pixels, flip(), 64), pixels[:, ::-1])


def test_a_quarter_turn_is_numpys_quarter_turn():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    difference = resample(pixels, rotate(90), 64).astype(int) - np.rot90(pixels)
    assert np.abs(difference).max() <= 1  # sampling rounds down
    np.testing.assert_allclose(move_boxes([[0.5, 0.0, 1.0, 0.2]], rotate(90))[0], [0, 0, 0.2, 0.5], atol=1e-12)


def test_halving_averages_two_by_two():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    mean = pixels.reshape(32, 2, 32, 2).mean(axis=(1, 3))
    assert np.abs(resample(pixels, np.eye(3), 32) - mean).max() <= 0.5


def test_fine_stripes_become_grey_not_moire():
    stripes = np.tile(np.array([0, 255], np.uint8), (256, 128))
    assert np.ptp(resample(stripes, np.eye(3), 100)[5:-5, 5:-5].astype(int)) < 90
    assert np.ptp(Frame(256, 256, 50).image(stripes).astype(int)[2:-2, 2:-2]) < 60


@settings(max_examples=25, deadline=None)
@given(
    st.floats(-10, 10),
    st.floats(0.9, 1.1),
    st.floats(-0.05, 0.05),
    st.booleans(),
    st.sampled_from([(256, 256), (200, 250)]),
)
def test_pixels_and_boxes_agree_under_any_map(degrees, factor, distance, flipped, shape):
    box = np.array([[0.4, 0.3, 0.6, 0.5]])
    matrix = shift(distance, distance) @ scale(factor) @ rotate(degrees) @ crop((0.1, 0.05, 0.9, 0.85))
    matrix = flip() @ matrix if flipped else matrix
    image = resample(square(*shape, box[0]), matrix, 128)
    np.testing.assert_allclose(seen_box(image), move_boxes(box, matrix)[0], atol=2.5 / 128)


def test_boxes_that_leave_the_image_are_dropped():
    matrix = crop((0.5, 0.0, 1.0, 1.0))
    given_boxes = np.array([[0.0, 0, 0.4, 1], [0.1, 0, 0.6, 1], [0.3, 0, 0.7, 1], [0.6, 0.2, 0.8, 0.4]])
    clipped, kept = visible_boxes(given_boxes, matrix, 0.25)
    assert kept.tolist() == [False, False, True, True]
    np.testing.assert_allclose(clipped[2], [0, 0, 0.4, 1])
    np.testing.assert_allclose(clipped[3], [0.2, 0.2, 0.6, 0.4])
    assert not visible_boxes(given_boxes[:1], matrix, 0.0)[1].any()
    assert visible_boxes(np.zeros((0, 4)), matrix, 0.25)[0].shape == (0, 4)


@pytest.mark.parametrize("arguments", [(0, 5, 5), (5, 5, 0), (5, 5, 5, "squash")])
def test_impossible_frames_are_refused(arguments):
    with pytest.raises(ValueError):
        Frame(*arguments)


@pytest.mark.parametrize("pixels", [np.zeros((4, 4)), np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4), np.uint8), [[1]]])
def test_only_grey_bytes_are_images(pixels):
    with pytest.raises(ValueError, match="expected pixels"):
        resample(pixels, np.eye(3), 4)
    with pytest.raises(ValueError, match="expected pixels"):
        Frame(4, 4, 4).image(pixels)


def test_wrong_sizes_are_refused():
    with pytest.raises(ValueError, match="images of 4×4"):
        Frame(4, 4, 4).image(np.zeros((4, 5), np.uint8))
    with pytest.raises(ValueError, match="above 0"):
        scale(0)
    with pytest.raises(ValueError, match="x_min < x_max"):
        crop((0.5, 0, 0.5, 1))
