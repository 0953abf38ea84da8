"""Decoder blocks with every combination of masks, and decoders of several."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chex.model.attention import DecoderBlock
from tests.parity.cases import Case
from tests.parity.comparison import Compared
from tests.parity.components.weights import blocks_of, heads_of
from tests.parity.gradients import differentiable, gradients
from tests.parity.registry import check


@check("decoder_block_*")
def decoder_block(case: Case):
    inputs = differentiable(case)
    [block] = blocks_of(
        {f"0.{name}": weight for name, weight in case.params.items()}, heads_of(case), case.kwargs["d_model"]
    )
    memory = inputs["source_features"] + inputs["source_pos_embeddings"]
    attended = self_attended(block, inputs["x"], inputs["sa_mask"], inputs["mask"])
    found = the_rest(block, attended, memory)
    return {
        "y": (found, case.outputs["y"]),
        "cross_att": Compared(
            cross_attention(block, attended, memory), case.outputs["cross_att"], note="from the block's projections"
        ),
        **gradients(case, inputs, found),
    }


@check("encoder_block")
def encoder_block(case: Case):
    """Ours has no encoder block with a mask, and needs none: a decoder block that looks at nothing is one."""
    [block] = blocks_of(
        {f"0.{name}": weight for name, weight in case.params.items()}, heads_of(case), case.kwargs["d_model"]
    )
    x, mask = case.inputs["x"], case.inputs["mask"].bool()
    with torch.no_grad():
        found = block(x[:, None], x, mask=mask[:, None])[:, 0]
    return {"y": Compared(found, case.outputs["y"], note="a decoder block without its cross-attention")}


@check("token_decoder_*")
@torch.no_grad()
def token_decoder(case: Case):
    params = {name.removeprefix("decoder_layers."): weight for name, weight in case.params.items()}
    if case.kwargs["shortcut_tokens"] or case.kwargs["shortcut_pos_embeddings"]:
        raise ValueError("expected a decoder without shortcuts, as the model has it")
    blocks = blocks_of(params, heads_of(case), case.kwargs["d_model"])
    tokens, region_mask = case.inputs["token_features"], case.inputs["region_mask"]
    memory = case.inputs["region_features"] + case.inputs["region_pos_embeddings"]
    together = case.inputs["token_sa_mask"]
    decoded, attention = decode(blocks, tokens, memory, together)
    found = {"token_features": decoded, "assignment_probs": attention}
    if case.inputs["token_mask"] is not None:
        found["token_features_with_token_mask"], _ = decode(blocks, tokens, memory, together, case.inputs["token_mask"])
    if region_mask is not None:
        # ours knows no mask of patches: every image is decoded with its own patches alone
        alone = [
            decode(blocks, tokens[b : b + 1], memory[b : b + 1, seen], together)[0]
            for b, seen in enumerate(region_mask.bool())
        ]
        found["token_features_with_region_mask"] = torch.cat(alone)
    return {name: (found[name], recorded) for name, recorded in case.outputs.items() if name in found}


def decode(
    blocks: nn.ModuleList, x: Tensor, memory: Tensor, together: Tensor | None, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Tokens (B, T, D) through all blocks, and the last one's cross-attention (B, T, N), the heads' mean."""
    attended = x
    for block in blocks:
        attended = self_attended(block, x, together, mask)
        x = the_rest(block, attended, memory)
    return x, cross_attention(blocks[-1], attended, memory)


def self_attended(block: DecoderBlock, x: Tensor, together: Tensor | None, mask: Tensor | None) -> Tensor:
    """Tokens (B, T, D) after self-attention; together (T, T) True where tokens are of one prompt, mask (B, T) where real.

    With one of the two a token sees the real ones of its prompt. With both the authors' code hides a padded token from
    its own prompt alone (note 1).
    """
    only_self = _without(block, "scale_cross", "scale_feed_forward")
    if together is not None and mask is not None:
        visible = ~together.bool() | mask.bool()[:, None]  # B T T
        normed = block.norm_self(x)
        return x + block.scale_self(block.self_attention(normed, normed, mask=visible[:, None]))
    groups = _groups(together) if together is not None else [list(range(x.shape[1]))]
    size = max(map(len, groups))
    place = torch.tensor([[*group, *[group[0]] * (size - len(group))] for group in groups])  # G S
    filled = torch.tensor([[i < len(group) for i in range(size)] for group in groups])
    real = filled.expand(len(x), -1, -1) if mask is None else filled & mask.bool()[:, place]
    packed = only_self(x[:, place], x, mask=real)  # B G S D
    order = torch.tensor([token for group in groups for token in group]).argsort()
    return packed[:, filled][:, order]


def the_rest(block: DecoderBlock, attended: Tensor, memory: Tensor) -> Tensor:
    """Cross-attention and feed-forward of tokens (B, T, D) that have seen each other."""
    return _without(block, "scale_self")(attended[:, None], memory)[:, 0]


def cross_attention(block: DecoderBlock, attended: Tensor, memory: Tensor) -> Tensor:
    """How much each token looks at each patch, the heads' mean (B, T, N): our attention does not return it."""
    attention = block.cross_attention
    key, _ = attention.key_value(block.norm_memory(memory))  # B H N D/H
    query = attention.to_query(block.norm_cross(attended)).unflatten(-1, (attention.heads, -1)).transpose(1, 2)
    return (query @ key.transpose(-1, -2) / key.shape[-1] ** 0.5).softmax(dim=-1).mean(dim=1)


def _without(block: DecoderBlock, *scales: str):
    """The block with some of its branches multiplied by 0."""
    zeros = {f"{scale}.gamma": torch.zeros_like(getattr(block, scale).gamma) for scale in scales}
    return lambda *args, **options: torch.func.functional_call(block, zeros, args, options)


def _groups(together: Tensor) -> list[list[int]]:
    """The prompts that a mask (T, T) describes. Raises ValueError where it describes none."""
    together = together.bool()
    groups = list({tuple(row.nonzero().flatten().tolist()) for row in together})
    expected = torch.zeros_like(together)
    for group in groups:
        expected[torch.tensor(group)[:, None], torch.tensor(group)] = True
    if not torch.equal(expected, together) or not together.diagonal().all():
        raise ValueError("expected a self-attention mask that splits the tokens into prompts")
    return [list(group) for group in groups]
