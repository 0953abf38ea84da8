"""Support devices: on the side that the truth, and so the report, gives them."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.phantoms.findings import FindingRequest, complete, drained
from pipelines.phantoms.habitus import STANDARD
from pipelines.phantoms.image import render


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("device", ["pacemaker", "chest tube"])
def test_a_device_lies_on_its_side(device, side):
    asked = [FindingRequest("support device", side=side, device=device)]
    healthy, treated = (render(3, size=160, findings=found, habitus=STANDARD) for found in ([], asked))
    added = np.maximum(treated.pixels.astype(float) - healthy.pixels, 0)
    half = added.shape[1] // 2
    rights, lefts = added[:, :half].sum(), added[:, half:].sum()  # the patient's right is the image's left
    assert (rights > lefts) == (side == "right")
    assert treated.findings[0].side == side


def test_most_pacemakers_lie_on_the_left_and_most_lines_on_the_right():
    for device, usual in (("pacemaker", "left"), ("central venous catheter", "right")):
        wish = FindingRequest("support device", device=device)
        sides = [complete(wish, STANDARD, np.random.default_rng(seed)).side for seed in range(200)]
        assert 110 < sides.count(usual) < 170


def test_a_chest_tube_drains_what_is_there():
    tube = FindingRequest("support device", device="chest tube")
    asked = [FindingRequest("consolidation"), FindingRequest("pneumothorax"), tube]
    filled = [
        FindingRequest("consolidation", side="right"),
        FindingRequest("pneumothorax", side="left"),
        FindingRequest("support device", side="right", device="chest tube"),
    ]
    assert [one.side for one in drained(asked, filled)] == ["right", "left", "left"]
    wished = [*asked[:2], FindingRequest("support device", side="right", device="chest tube")]
    assert drained(wished, filled) == filled, "a side that was asked for stays"
    assert drained(asked[::2], filled[::2]) == filled[::2], "nothing to drain"
