"""A prompt's answer depends on its image and itself: not on other prompts, their order, masks, or the batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from chex.model.detections import Detections

PROMPTS = ["pleural effusion", "no pneumothorax", "right lung", "left costophrenic angle", "heart", "edema"]
LIMIT = 1e-5
# what is asked, as places among PROMPTS: some left out, another order, one asked twice, one alone
ASKED = {
    "some": [0, 2, 5],
    "another order": [5, 3, 1, 0, 2, 4],
    "one twice": [4, 1, 4],
    "one alone": [3],
}


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    """Four images that have nothing in common."""
    noise = torch.randint(0, 256, (4, 128, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    noise[1], noise[2] = 0, torch.arange(128, dtype=torch.uint8)
    return noise


@pytest.fixture(scope="module")
def features(tiny_model) -> torch.Tensor:
    return tiny_model.text_features(PROMPTS)


@contextmanager
def attending(model, whom: str) -> Iterator[None]:
    """Both decoders with that choice of who attends to whom."""
    parts = (model.detector, model.post_decoder)
    own = [part.config for part in parts]
    for part in parts:
        part.config = dataclasses.replace(part.config, attends_to=whom)
    try:
        yield
    finally:
        for part, config in zip(parts, own):
            part.config = config


@torch.no_grad()
def answers(model, pixels, prompts, mask=None) -> dict[str, torch.Tensor]:
    """Everything said about prompts (B or 1, Q, D): each (B, Q, …)."""
    images = model.encode_images(pixels)
    found = model.detect(images, prompts, mask)
    refined = model.refine(images, found, mask)
    return {f.name: getattr(found, f.name) for f in dataclasses.fields(Detections)} | {"refined": refined}


def difference(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    return max((a[name] - b[name]).abs().max().item() for name in a)


def picked(found: dict[str, torch.Tensor], *index) -> dict[str, torch.Tensor]:
    return {name: values[index] for name, values in found.items()}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_prompts_may_be_added_removed_and_reordered(tiny_model, pixels, features, asked):
    together = answers(tiny_model, pixels, features[None])
    apart = answers(tiny_model, pixels, features[None, asked])
    assert difference(picked(together, slice(None), asked), apart) <= LIMIT


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_with_attention_over_the_image_they_may_not(tiny_model, pixels, features, asked):
    with attending(tiny_model, "image"):
        together = answers(tiny_model, pixels, features[None])
        apart = answers(tiny_model, pixels, features[None, asked])
    changed = difference(picked(together, slice(None), asked), apart)
    # the order alone changes nothing, neither here nor there
    assert changed <= LIMIT if asked == ASKED["another order"] else changed > 1e-3


def test_a_mask_changes_no_real_prompt_and_what_is_masked_does_not_matter(tiny_model, pixels, features):
    mask = torch.rand(4, len(PROMPTS), generator=torch.Generator().manual_seed(0)) < 0.5
    mask[3] = False  # an image without any real prompt
    prompts = features.expand(4, -1, -1)
    plain, masked = answers(tiny_model, pixels, prompts), answers(tiny_model, pixels, prompts, mask)
    anything = 1e3 * torch.randn(prompts.shape, generator=torch.Generator().manual_seed(0))
    other = torch.where(mask[..., None], prompts, anything)
    padded = answers(tiny_model, pixels, other, mask)
    assert difference(picked(plain, mask), picked(masked, mask)) <= LIMIT
    assert difference(picked(masked, mask), picked(padded, mask)) <= LIMIT
    assert all(values.isfinite().all() for values in masked.values())


def test_the_post_decoder_keeps_prompts_apart_whatever_the_mask(tiny_model, pixels, features):
    """Apart from the detector: the same detections beside others."""
    with torch.no_grad():
        images = tiny_model.encode_images(pixels)
        found = tiny_model.detect(images, features[None])
        refined = tiny_model.refine(images, found)
        for mask in (None, torch.ones(4, 2, dtype=torch.bool), torch.tensor([[True, False]] * 4)):
            some = Detections(*(getattr(found, f.name)[:, [4, 1]] for f in dataclasses.fields(Detections)))
            assert (tiny_model.refine(images, some, mask)[:, 0] - refined[:, 4]).abs().max() <= LIMIT
            with attending(tiny_model, "image"):
                mixed = tiny_model.refine(images, some, mask)[:, 0]
            assert (mixed - refined[:, 4]).abs().max() > 1e-3


@pytest.mark.parametrize("whom", ["prompt", "image"])
@pytest.mark.parametrize("masked", [False, True])
def test_an_image_alone_is_the_image_in_a_batch_of_others(tiny_model, pixels, features, whom, masked):
    prompts = torch.stack([features[torch.randperm(6, generator=torch.Generator().manual_seed(b))] for b in range(4)])
    mask = torch.rand(4, 6, generator=torch.Generator().manual_seed(2)) < 0.7 if masked else None
    with attending(tiny_model, whom):
        together = answers(tiny_model, pixels, prompts, mask)
        for b in range(4):
            one = slice(b, b + 1)
            alone = answers(tiny_model, pixels[one], prompts[one], None if mask is None else mask[one])
            assert difference(picked(together, one), alone) <= LIMIT


@pytest.mark.parametrize("with_text", [False, True])
def test_box_queries_keep_to_themselves(tiny_model, pixels, features, with_text):
    boxes = torch.rand(4, 6, 4, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.1
    with torch.no_grad():
        images = tiny_model.encode_images(pixels)
        together = tiny_model.describe_boxes(images, boxes, features[None] if with_text else None)
        for asked in ASKED.values():
            alone = tiny_model.describe_boxes(images, boxes[:, asked], features[None, asked] if with_text else None)
            for name in ("boxes_cxcywh", "scores", "box_features", "tokens"):
                assert (getattr(together, name)[:, asked] - getattr(alone, name)).abs().max() <= LIMIT


def test_gradients_of_a_prompt_do_not_reach_its_neighbours(tiny_model, pixels, features):
    prompts = features.expand(2, -1, -1).clone().requires_grad_()
    images = tiny_model.encode_images(pixels[:2])
    found = tiny_model.detect(images, prompts)
    (tiny_model.refine(images, found)[0, 2].sum() + found.boxes_cxcywh[0, 2].sum()).backward()
    tiny_model.zero_grad(set_to_none=True)
    reached = prompts.grad.abs().sum(-1) > 0
    assert reached.nonzero().tolist() == [[0, 2]]


@torch.no_grad()
def test_nothing_asked_and_nobody_to_ask(tiny_model, pixels, features):
    images = tiny_model.encode_images(pixels)
    assert answers(tiny_model, pixels, features[None, :0])["refined"].shape == (4, 0, 128)
    assert answers(tiny_model, pixels[:0], features[None])["refined"].shape == (0, 6, 128)
    assert tiny_model.describe_boxes(images, torch.zeros(4, 0, 4)).tokens.shape == (4, 0, 128)
    assert tiny_model.write(torch.zeros(0, 128)) == []
    assert tiny_model.encode_texts([]).shape == (0, 128)
