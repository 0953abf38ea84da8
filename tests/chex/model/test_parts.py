from __future__ import annotations

import pytest
import torch

from chex.model.attention import Attention, DecoderBlock
from chex.model.prompt_detector import aggregate
from chex.model.roi_pool import GaussianRoiPool, gaussian_weights
from chex.model.tokenizer import Tokenizer


def test_gaussian_weights_by_hand():
    weights = gaussian_weights(torch.tensor([0.5, 0.25, 0.5, 0.5]), rows=2, columns=2, beta=2.0).view(2, 2)
    # columns at 0.25 and 0.75 are equally far from 0.5; rows at 0.25 (the centre) and 0.75 (one height away)
    assert weights[0].tolist() == pytest.approx([1.0, 1.0])
    assert weights[1].tolist() == pytest.approx([float(torch.exp(torch.tensor(-1.0)))] * 2)


def test_pooling_is_the_weighted_sum_of_projected_patches():
    torch.manual_seed(0)
    pool = GaussianRoiPool(8, beta=2.0)
    patches, boxes = torch.randn(2, 6, 8), torch.rand(2, 3, 2, 4)
    weights = gaussian_weights(boxes, 2, 3, 2.0)
    expected = (weights[..., None] * pool.project(pool.norm(patches))[:, None, None]).sum(dim=-2)
    assert torch.allclose(pool(patches, boxes, (2, 3)), expected, atol=1e-5)


def test_a_box_without_size_gives_finite_weights():
    assert torch.isfinite(gaussian_weights(torch.tensor([0.5, 0.5, 0.0, 0.0]), 7, 7, 2.0)).all()


def test_scores_are_only_scaled_down():
    features = torch.eye(3)[None]
    assert aggregate(features, torch.tensor([[0.2, 0.1, 0.1]]))[0].tolist() == pytest.approx([0.2, 0.1, 0.1])
    assert aggregate(features, torch.tensor([[1.0, 0.5, 0.5]]))[0].tolist() == pytest.approx([0.5, 0.25, 0.25])


def test_blocks_of_prompts_equal_one_masked_attention():
    """Batched M × M self-attention is the full Q·M × Q·M one with a block-diagonal mask."""
    torch.manual_seed(0)
    attention = Attention(16, 4).eval()
    block = DecoderBlock(16, 4, dropout=0, attention_dropout=0, stochastic_depth=0, layer_scale=1.0).eval()
    block.self_attention = attention
    x = torch.randn(2, 5, 3, 16)
    mask = torch.block_diag(*[torch.ones(3, 3)] * 5).bool()
    flat = x.flatten(1, 2)
    expected = attention(flat, flat, mask=mask).unflatten(1, (5, 3))
    assert torch.allclose(block._self_attention(x, None, False), expected, atol=1e-6)


def test_a_fully_masked_group_stays_finite():
    block = DecoderBlock(16, 4, dropout=0, attention_dropout=0, stochastic_depth=0, layer_scale=1.0).eval()
    out = block(torch.randn(1, 2, 3, 16), torch.randn(1, 4, 16), mask=torch.zeros(1, 2, 3, dtype=torch.bool))
    assert torch.isfinite(out).all()


def test_attention_equals_torchs():
    torch.manual_seed(0)
    ours, theirs = Attention(16, 4).eval(), torch.nn.MultiheadAttention(16, 4, batch_first=True).eval()
    theirs.in_proj_weight.data = torch.cat([ours.to_query.weight, ours.to_key_value.weight]).data
    theirs.in_proj_bias.data = torch.cat([ours.to_query.bias, ours.to_key_value.bias]).data
    theirs.out_proj = ours.to_output
    x, memory = torch.randn(2, 5, 16), torch.randn(2, 7, 16)
    assert torch.allclose(ours(x, memory), theirs(x, memory, memory)[0], atol=1e-6)


def test_width_must_fit_the_heads():
    with pytest.raises(ValueError, match="divisible by the heads"):
        Attention(10, 4)


def test_tokenizer_round_trip_and_cut():
    tokenizer = Tokenizer.train(["No pleural effusion is seen."] * 5, 300, lowercase=False)
    ids, lengths = tokenizer.encode(["No pleural effusion is seen.", "Pneumothorax 3 cm."], context=50)
    rows = [row[1 : n - 1].tolist() for row, n in zip(ids, lengths)]
    assert tokenizer.decode(rows) == ["No pleural effusion is seen.", "Pneumothorax 3 cm."]
    ids, lengths = tokenizer.encode(["No pleural effusion is seen."], context=4)
    assert ids.shape == (1, 4) and lengths.tolist() == [4] and ids[0, -1] == tokenizer.end_id
    ids, lengths = tokenizer.encode([], context=4)
    assert ids.shape == (0, 2) and lengths.shape == (0,)
