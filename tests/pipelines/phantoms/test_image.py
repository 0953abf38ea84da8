"""The phantoms' pixels and truth: deterministic, inside the image, on the right side, and visible where they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chex.vocabulary import load
from pipelines.phantoms.findings import FindingRequest
from pipelines.phantoms.habitus import STANDARD
from pipelines.phantoms.image import render
from pipelines.phantoms.truth import FINDING_KINDS


def standard(kind=None, seed=3, size=192, habitus=STANDARD, **request):
    findings = [] if kind is None else [FindingRequest(kind, **request)]
    return render(seed, size=size, findings=findings, habitus=habitus)


def pixels_in(box, shape):
    height, width = shape
    mask = np.zeros(shape, bool)
    x_min, y_min, x_max, y_max = box
    mask[int(y_min * height) : int(np.ceil(y_max * height)), int(x_min * width) : int(np.ceil(x_max * width))] = True
    return mask


def mean_in(image, box):
    return float(image.pixels[pixels_in(box, image.pixels.shape)].mean())


def overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0.0) * max(height, 0.0) / ((a[2] - a[0]) * (a[3] - a[1]))


def test_same_seed_same_phantom_other_seed_another():
    first, again, other = render(11, size=128), render(11, size=128), render(12, size=128)
    assert np.array_equal(first.pixels, again.pixels)
    assert first.regions == again.regions and first.findings == again.findings
    assert first.pixels.shape != other.pixels.shape or not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize("seed", range(20, 32))
def test_pixels_are_twelve_bit_and_boxes_lie_in_the_image(seed):
    phantom = render(seed, size=96)
    assert phantom.pixels.dtype == np.uint16
    assert max(phantom.pixels.shape) == 96
    assert 0.8 <= phantom.pixels.shape[0] / phantom.pixels.shape[1] <= 1.25
    assert phantom.pixels.max() <= 4095 and np.ptp(phantom.pixels) > 2000
    boxes = [*phantom.regions.values(), *(box for finding in phantom.findings for box in finding.boxes)]
    for x_min, y_min, x_max, y_max in boxes:
        assert 0 <= x_min < x_max <= 1 and 0 <= y_min < y_max <= 1
    for finding in phantom.findings:
        assert finding.kind in FINDING_KINDS and finding.boxes
        assert set(finding.regions) <= set(phantom.regions)


def test_a_standard_patient_shows_every_region_of_the_vocabulary():
    assert set(standard().regions) == set(load().regions)


@pytest.mark.parametrize("view", ["PA", "AP"])
def test_the_patients_right_is_on_the_images_left(view):
    regions = standard(habitus=replace(STANDARD, view=view)).regions
    for name in [name for name in regions if name.startswith("right ") and name != "right atrium"]:
        right, left = regions[name], regions[name.replace("right ", "left ")]
        assert right[0] + right[2] < left[0] + left[2], name
    heart, spine = regions["cardiac silhouette"], regions["spine"]
    assert heart[0] + heart[2] > spine[0] + spine[2]
    assert regions["aortic arch"][2] > regions["spine"][2] - 0.02


def test_regions_nest_as_in_the_body():
    regions = standard().regions
    for side in ("right", "left"):
        tops = [regions[f"{side} {zone} lung zone"][1] for zone in ("upper", "mid", "lower")]
        assert tops == sorted(tops)
        for zone in ("apical zone", "upper lung zone", "mid lung zone", "lower lung zone"):
            assert overlap(regions[f"{side} {zone}"], regions[f"{side} lung"]) > 0.99
        assert regions[f"{side} hemidiaphragm"][1] > regions[f"{side} mid lung zone"][1]
    assert overlap(regions["carina"], regions["mediastinum"]) > 0.5
    assert overlap(regions["right atrium"], regions["cardiac silhouette"]) > 0.9
    assert regions["trachea"][3] <= regions["carina"][3]
    assert regions["right hemidiaphragm"][1] < regions["left hemidiaphragm"][1]


def test_bone_and_liver_are_bright_lungs_dark_and_air_around_the_patient_black():
    phantom = standard()
    lung, spine = phantom.regions["right mid lung zone"], phantom.regions["abdomen"]
    inner = (lung[0] + 0.3 * (lung[2] - lung[0]), lung[1], lung[2] - 0.3 * (lung[2] - lung[0]), lung[3])
    liver = (spine[0] + 0.1, spine[3] - 0.1, 0.45, spine[3])
    assert mean_in(phantom, liver) > 2 * mean_in(phantom, inner)
    assert phantom.pixels[:3, :3].mean() < 200
    assert mean_in(phantom, phantom.regions["cardiac silhouette"]) > 1.4 * mean_in(phantom, inner)


@pytest.mark.parametrize("kind", FINDING_KINDS)
def test_a_finding_changes_the_picture_where_its_boxes_are(kind):
    """Clear changes gather inside the boxes (a margin allowed for blur and for shapes that move their neighbours)."""
    healthy = standard(size=256)
    ill = standard(kind, size=256, severity="moderate", side=None if kind == "edema" else "left")
    (finding,) = ill.findings
    assert finding.kind == kind and finding.severity == "moderate"
    change = np.abs(ill.pixels.astype(float) - healthy.pixels.astype(float))
    inside = np.zeros(change.shape, bool)
    for box in finding.boxes:
        inside |= pixels_in(box, change.shape)
    assert change[inside].mean() > 2.0 * change[~inside].mean()
    # a catheter is thin: little of its box is it
    assert np.percentile(change[inside], 99 if kind == "support device" else 90) > 120


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    "kind",
    ["pleural effusion", "pneumothorax", "consolidation", "atelectasis", "nodule", "mass", "pleural thickening",
     "rib fracture", "calcified granuloma"],
)  # fmt: skip
def test_a_sided_finding_lies_on_its_side(kind, side):
    (finding,) = standard(kind, side=side, severity="moderate").findings
    lung = standard().regions[f"{side} lung"]
    (box,) = finding.boxes
    assert finding.side == side
    assert overlap(box, lung) > 0.6
    assert any(name.startswith(side) for name in finding.regions)


@pytest.mark.parametrize("supine", [False, True])
@pytest.mark.parametrize("side", ["right", "left"])
def test_an_effusion_lies_at_the_base_and_whitens_it(side, supine):
    habitus = replace(STANDARD, supine=supine)
    healthy = standard(habitus=habitus)
    ill = standard("pleural effusion", habitus=habitus, side=side, severity="severe")
    (box,) = ill.findings[0].boxes
    angle = healthy.regions[f"{side} costophrenic angle"]
    assert overlap(angle, box) > 0.5
    assert (box[1] + box[3]) / 2 > (healthy.regions["carina"][1] + healthy.regions["carina"][3]) / 2
    base = healthy.regions[f"{side} lower lung zone"]
    assert mean_in(ill, base) > mean_in(healthy, base) + 150


def test_both_sides_give_two_boxes_and_severity_makes_an_effusion_larger():
    both = standard("pleural effusion", side="bilateral", severity="moderate").findings[0]
    assert len(both.boxes) == 2
    heights = []
    for severity in ("mild", "moderate", "severe"):
        (box,) = standard("pleural effusion", side="right", severity=severity).findings[0].boxes
        heights.append(box[3] - box[1])
    assert heights == sorted(heights) and heights[2] > 1.5 * heights[0]


def test_cardiomegaly_widens_the_cardiac_silhouette():
    def ratio(image):
        heart, right, left = (image.regions[name] for name in ("cardiac silhouette", "right lung", "left lung"))
        return (heart[2] - heart[0]) / (left[2] - right[0])

    healthy, ill = standard(), standard("cardiomegaly", severity="moderate")
    assert ratio(healthy) < 0.52 < ratio(ill)
    assert ill.findings[0].boxes[0] == pytest.approx(ill.regions["cardiac silhouette"])


def test_about_a_third_is_normal_and_every_kind_occurs():
    phantoms = [render(seed, size=64) for seed in range(500, 620)]
    normal = sum(not phantom.findings for phantom in phantoms) / len(phantoms)
    assert 0.2 < normal < 0.48
    assert {finding.kind for phantom in phantoms for finding in phantom.findings} == set(FINDING_KINDS)
    assert all(len(phantom.findings) <= 4 for phantom in phantoms)
    assert {phantom.view for phantom in phantoms} == {"AP", "PA"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "non-negative"),
        ({"seed": 1, "size": 8}, "64 to 2048"),
        ({"seed": 1, "findings": ["flu"]}, "unknown kind of finding 'flu'"),
    ],
)
def test_bad_input_is_refused_with_what_was_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        render(**arguments)


@pytest.mark.parametrize("field", ["side", "severity", "zone", "device"])
def test_a_request_names_what_it_does_not_know(field):
    with pytest.raises(ValueError, match="'sideways'"):
        FindingRequest("mass", **{field: "sideways"})
