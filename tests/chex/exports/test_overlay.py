"""Overlay pictures: boxes where they belong, sentences beside them, nothing lost."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from chex.exports import NotExportable
from chex.exports.legend import PANEL_WIDTH, QUIET, colour_of
from chex.exports.overlay import draw, encode
from chex.records import Finding, Provenance, Query, Report, ScoredBox, SourceImage


def finding(*boxes, name="cardiac silhouette", sentence="The heart is enlarged."):
    scored = tuple(ScoredBox(box, 0.9) for box in boxes)
    return Finding(Query(text=name, name=name), scored, sentence)


@pytest.fixture
def grey():
    return np.full((200, 160), 90, np.uint8)


def coloured(picture, colour):
    """(rows, columns) of the pixels of exactly this colour, within the radiograph."""
    pixels = np.asarray(picture)[:, : picture.width - PANEL_WIDTH]
    return np.nonzero((pixels == colour).all(-1))


def test_a_box_is_drawn_where_it_lies(grey):
    picture = draw(grey, [finding((0.25, 0.5, 0.75, 0.9))], height=1000)
    assert picture.size == (800 + PANEL_WIDTH, 1000)
    rows, columns = coloured(picture, colour_of(0))
    assert abs(columns.min() - 200) <= 2 and abs(columns.max() - 600) <= 2
    assert abs(rows.min() - 500) <= 2 and abs(rows.max() - 900) <= 2


def test_bone_stays_bright_and_the_image_upright():
    pixels = np.zeros((100, 100), np.uint8)
    pixels[:10] = 255
    picture = np.asarray(draw(pixels, [], height=400))
    assert picture[5, 50].tolist() == [255, 255, 255] and picture[395, 50].tolist() == [0, 0, 0]


def test_each_finding_has_its_own_colour(grey):
    boxes = [(0.1 * i, 0.1, 0.1 * i + 0.08, 0.9) for i in range(1, 9)]
    picture = draw(grey, [finding(box) for box in boxes])
    assert all(coloured(picture, colour_of(index))[0].size for index in range(len(boxes)))
    assert len({colour_of(index) for index in range(len(boxes))}) == len(boxes)


def test_the_picture_grows_with_the_legend_and_keeps_the_image_whole(grey):
    short, long = draw(grey, [finding()] * 2, height=300), draw(grey, [finding(sentence="word " * 60)] * 30, height=300)
    assert short.height == 300 and long.height > 2000
    panel = np.asarray(long)[:, -PANEL_WIDTH:]
    assert (panel[-400:-100] == colour_of(29)).all(-1).any()  # the last finding is written, not cut off


def test_a_sentence_changes_the_legend_only(grey):
    one, other = (draw(grey, [finding((0.1, 0.1, 0.5, 0.5), sentence=s)], height=400) for s in ("First.", "Second."))
    differs = (np.asarray(one) != np.asarray(other)).any(-1)
    assert differs[:, -PANEL_WIDTH:].any() and not differs[:, :-PANEL_WIDTH].any()


def test_boxes_at_the_edge_and_extreme_shapes():
    for shape in ((1, 1), (3, 4000), (4000, 3), (64, 64)):
        draw(np.zeros(shape, np.uint8), [finding((0, 0, 1, 1), (0.999, 0.999, 1, 1))], height=128)


def test_what_is_denied_has_no_box_and_no_number(grey):
    denied = finding((0.1, 0.1, 0.5, 0.5), sentence="No pleural effusion.")
    stated = finding((0.25, 0.5, 0.75, 0.9))
    alone, beside = draw(grey, [stated], height=500), draw(grey, [denied, stated], height=500)
    differs = (np.asarray(alone) != np.asarray(beside)).any(-1)
    assert not differs[:, :-PANEL_WIDTH].any() and differs[:, -PANEL_WIDTH:].any()
    panel = np.asarray(beside)[:, -PANEL_WIDTH:]
    assert (panel == QUIET).all(-1).any() and not (panel == colour_of(1)).all(-1).any()


def test_a_box_that_was_asked_about_is_drawn_whatever_is_said_of_it(grey):
    asked = Finding(Query(box=(0.1, 0.1, 0.5, 0.5)), (ScoredBox((0.1, 0.1, 0.5, 0.5), 1.0),), "The lung is clear.")
    assert coloured(draw(grey, [asked], height=500), colour_of(0))[0].size


def test_no_findings_is_a_picture_too(grey):
    assert draw(grey, []).width > PANEL_WIDTH


@pytest.mark.parametrize("pixels", [np.zeros((4, 4)), np.zeros((0, 4), np.uint8), np.zeros((4, 4, 3), np.uint8)])
def test_what_is_no_grayscale_image_is_refused(pixels):
    with pytest.raises(ValueError, match="expected .* uint8"):
        draw(pixels, [])


def test_a_report_as_png(grey):
    provenance = Provenance("chex-tiny", "1", "0" * 64, "default", (), "1" * 64, "0.1")
    report = Report((finding((0.1, 0.1, 0.5, 0.5)),), "The heart is enlarged.", provenance)
    source = SourceImage("chest.png", *grey.shape, pixels=grey)
    data = encode(report, source)
    assert Image.open(io.BytesIO(data)).format == "PNG"
    assert data == encode(report, source)
    with pytest.raises(NotExportable, match="pixels"):
        encode(report, SourceImage("chest.png", *grey.shape))
