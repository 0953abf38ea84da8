from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch.nn import functional as F

from chex.model.linear import Linear, PackedWeight

WIDTH = 512  # the least that is packed


@pytest.fixture
def layer() -> Linear:
    torch.manual_seed(0)
    return Linear(WIDTH, WIDTH).eval()


def packed_difference(layer: Linear, x: torch.Tensor) -> float:
    with torch.no_grad():
        return float((layer(x) - F.linear(x, layer.weight, layer.bias)).abs().max())


@pytest.mark.parametrize("shape", [(1, WIDTH), (3, 5, WIDTH), (70, WIDTH), (WIDTH,), (2, 0, WIDTH)])
def test_packed_is_the_plain_product(layer, shape):
    x = torch.randn(shape)
    with torch.inference_mode():
        found = layer(x)
    assert found.shape == shape and torch.allclose(found, F.linear(x, layer.weight, layer.bias), atol=1e-5)


def test_rows_do_not_depend_on_how_many_are_multiplied(layer):
    x = torch.randn(300, WIDTH).transpose(0, 1).contiguous().transpose(0, 1)  # rows that do not lie together
    with torch.inference_mode():
        together = layer(x)
        assert max(float((layer(row[None])[0] - found).abs().max()) for row, found in zip(x, together)) <= 1e-5


@pytest.mark.parametrize("fused", [False, True])
def test_the_copy_follows_an_optimizer(layer, fused):
    x = torch.randn(4, WIDTH)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, fused=fused)
    assert packed_difference(layer, x) < 1e-5
    layer(x).sum().backward()
    optimizer.step()
    assert packed_difference(layer, x) < 1e-4  # a stale copy would be off by more than 1
    layer.train()
    optimizer.step()
    layer.eval()
    assert packed_difference(layer, x) < 1e-4


def test_the_copy_follows_loading_moving_and_changes_in_place(layer):
    x = torch.randn(4, WIDTH)
    for change in (
        lambda: layer.load_state_dict({name: tensor + 1 for name, tensor in layer.state_dict().items()}),
        lambda: layer.double().float(),
        lambda: layer.weight.mul_(0.5),
    ):
        before = packed_difference(layer, x)
        with torch.no_grad():
            change()
        assert max(before, packed_difference(layer, x)) < 1e-3


def test_gradients_half_precision_and_small_layers_take_the_plain_way(layer):
    x = torch.randn(4, WIDTH, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None and layer.weight.grad is not None
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
    layer.requires_grad_(False)
    x.grad = None
    layer(x).sum().backward()
    assert x.grad is not None
    assert layer.packed._packed is None
    small = Linear(16, 16).eval()
    assert packed_difference(small, torch.randn(2, 16)) == 0 and small.packed._packed is None


def test_copies_and_files_hold_the_weight_once(layer):
    packed_difference(layer, torch.randn(1, WIDTH))
    assert set(layer.state_dict()) == {"weight", "bias"}
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert isinstance(other.packed, PackedWeight) and other.packed._packed is None
        assert torch.equal(other.weight, layer.weight)
