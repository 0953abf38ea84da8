"""CLIP's two transformers with the attention module of the library."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chex.model.attention import Attention, EncoderBlock, Mlp
from chex.model.detections import EncodedImages
from chex.model.image_encoder import ImageEncoder
from chex.model.prompt_encoder import PromptEncoder


def plain_linear(ours: nn.Linear) -> nn.Linear:
    """The library's linear layer on the same weights: whatever ours does to be fast must not help it."""
    made = nn.Linear(ours.in_features, ours.out_features, device="meta")
    made.weight, made.bias = ours.weight, ours.bias
    return made


def plain_mlp(ours: Mlp) -> nn.Sequential:
    return nn.Sequential(plain_linear(ours.expand), ours.activation, ours.dropout, plain_linear(ours.contract))


def library_attention(ours: Attention) -> nn.MultiheadAttention:
    """The library's attention with the weights of ours."""
    width = ours.to_query.in_features
    made = nn.MultiheadAttention(width, ours.heads, dropout=ours.dropout, batch_first=True)
    made.in_proj_weight.data = torch.cat([ours.to_query.weight, ours.to_key_value.weight]).detach()
    made.in_proj_bias.data = torch.cat([ours.to_query.bias, ours.to_key_value.bias]).detach()
    made.out_proj.load_state_dict(ours.to_output.state_dict())
    return made


class EagerEncoderBlock(nn.Module):
    def __init__(self, ours: EncoderBlock) -> None:
        super().__init__()
        self.first_norm, self.second_norm = ours.norm_attention, ours.norm_feed_forward
        self.attention = library_attention(ours.attention)
        self.mlp = plain_mlp(ours.feed_forward)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        normed = self.first_norm(x)
        x = x + self.attention(normed, normed, normed, attn_mask=mask, need_weights=False)[0]
        return x + self.mlp(self.second_norm(x))


class EagerImageEncoder(nn.Module):
    def __init__(self, ours: ImageEncoder) -> None:
        super().__init__()
        self.ours = ours  # for what stands before and after the blocks: weights are shared, not copied
        self.blocks = nn.ModuleList(EagerEncoderBlock(block) for block in ours.blocks)

    def forward(self, images: Tensor) -> EncodedImages:
        ours = self.ours
        x = ours.stem(images[:, None].repeat(1, ours.config.channels, 1, 1)).flatten(2).transpose(1, 2)
        classes = ours.class_embedding + torch.zeros(len(x), 1, x.shape[-1], dtype=x.dtype, device=x.device)
        x = ours.norm_before(torch.cat([classes, x], dim=1) + ours.positional_embedding)
        for block in self.blocks:
            x = block(x)
        x = ours.norm_after(x) @ ours.projection
        return EncodedImages(x[:, 1:], ours.positional_embedding[1:] @ ours.projection, x[:, 0], ours.grid)


class EagerPromptEncoder(nn.Module):
    def __init__(self, ours: PromptEncoder) -> None:
        super().__init__()
        self.ours = ours
        self.blocks = nn.ModuleList(EagerEncoderBlock(block) for block in ours.blocks)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """ids (n, T), padded here to the whole context as CLIP's own code has it → (n, D)."""
        context = self.ours.config.context
        ids = nn.functional.pad(ids, (0, context - ids.shape[1]))
        x = self.ours.token_embedding(ids) + self.ours.positional_embedding
        later = torch.full((context, context), float("-inf"), device=x.device, dtype=x.dtype).triu(1)
        for block in self.blocks:
            x = block(x, later)
        x = self.ours.norm_after(x)
        return x[torch.arange(len(x), device=x.device), lengths - 1] @ self.ours.projection
