"""Transformer parts shared by the encoders and decoders.

Letters: B batch, S queries of one attention group, T memory tokens, D width, H heads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from chex.model.linear import Linear
from chex.model_config import DecoderConfig


class QuickGelu(nn.Module):
    """x · sigmoid(1.702 x), what OpenAI's CLIP was trained with."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


ACTIVATIONS = {"gelu": nn.GELU, "quick_gelu": QuickGelu}


class LayerScale(nn.Module):
    """A learned factor per channel on a residual branch (Touvron et al. 2021)."""

    def __init__(self, width: int, initial: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), initial))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


class StochasticDepth(nn.Module):
    """Leaves a residual branch out per sample while training (Huang et al. 2016)."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.probability == 0:
            return x
        kept = torch.rand(x.shape[0], *[1] * (x.ndim - 1), device=x.device) >= self.probability
        return x * kept / (1 - self.probability)


class Mlp(nn.Module):
    """Linear, activation, dropout, linear."""

    def __init__(self, width: int, hidden: int, out: int, *, dropout: float = 0.0, activation: str = "gelu") -> None:
        super().__init__()
        self.expand = Linear(width, hidden)
        self.activation = ACTIVATIONS[activation]()
        self.dropout = nn.Dropout(dropout)
        self.contract = Linear(hidden, out)

    def forward(self, x: Tensor) -> Tensor:
        return self.contract(self.dropout(self.activation(self.expand(x))))


class Attention(nn.Module):
    """Multi-head attention of queries (B or 1, S, D) over a memory (B, T, D).

    `mask` is a boolean tensor that broadcasts to (B, H, S, T), True where a query may look.
    """

    def __init__(self, width: int, heads: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"the width must be divisible by the heads; found width {width}, heads {heads}")
        self.heads = heads
        self.dropout = dropout
        self.to_query = Linear(width, width)
        self.to_key_value = Linear(width, 2 * width)
        self.to_output = Linear(width, width)

    def key_value(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        key, value = self.to_key_value(memory).chunk(2, dim=-1)
        return self._split_heads(key), self._split_heads(value)

    def _split_heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)  # B T D -> B H T D/H

    def attend(self, x: Tensor, key: Tensor, value: Tensor, *, mask: Tensor | None = None, causal: bool = False):
        query = self._split_heads(self.to_query(x)).expand(len(key), -1, -1, -1)
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout, is_causal=causal)
        return self.to_output(mixed.transpose(-3, -2).flatten(-2))  # B H S D/H -> B S D

    def forward(self, x: Tensor, memory: Tensor, *, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        return self.attend(x, *self.key_value(memory), mask=mask, causal=causal)


class EncoderBlock(nn.Module):
    """Pre-norm self-attention and feed-forward, as in CLIP's towers."""

    def __init__(self, width: int, heads: int, *, activation: str, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout=dropout)
        self.norm_feed_forward = nn.LayerNorm(width)
        self.feed_forward = Mlp(width, 4 * width, width, dropout=dropout, activation=activation)

    def forward(self, x: Tensor, *, causal: bool = False) -> Tensor:
        normed = self.norm_attention(x)
        x = x + self.attention(normed, normed, causal=causal)
        return x + self.feed_forward(self.norm_feed_forward(x))


class DecoderBlock(nn.Module):
    """Self-attention within groups of queries, cross-attention to a memory, feed-forward (paper 3.1).

    Queries come in groups, (B, Q, S, D): the S tokens of one prompt see each other and no other prompt
    (`across_groups=False`), or all Q·S tokens of an image see each other (`across_groups=True`).
    """

    def __init__(self, width: int, heads: int, *, dropout: float, attention_dropout: float, stochastic_depth: float,
                 layer_scale: float) -> None:  # fmt: skip
        super().__init__()
        self.norm_self = nn.LayerNorm(width)
        self.self_attention = Attention(width, heads, dropout=attention_dropout)
        self.scale_self = LayerScale(width, layer_scale)
        self.norm_cross = nn.LayerNorm(width)
        self.norm_memory = nn.LayerNorm(width)
        self.cross_attention = Attention(width, heads, dropout=attention_dropout)
        self.scale_cross = LayerScale(width, layer_scale)
        self.norm_feed_forward = nn.LayerNorm(width)
        self.feed_forward = Mlp(width, 4 * width, width, dropout=dropout)
        self.scale_feed_forward = LayerScale(width, layer_scale)
        self.dropout = nn.Dropout(dropout)
        self.drop_branch = StochasticDepth(stochastic_depth)

    def forward(self, x: Tensor, memory: Tensor, *, mask: Tensor | None = None, across_groups: bool = False) -> Tensor:
        """x (B or 1, Q, S, D), memory (B, T, D), mask (B or 1, Q, S) True where a token is valid → (B, Q, S, D).

        Where all images are asked the same (1), what does not depend on the image is computed once.
        """
        _, groups, size, _ = x.shape
        x = x + self._branch(self.scale_self, self._self_attention(self.norm_self(x), mask, across_groups))
        flat = self.norm_cross(x).flatten(1, 2)  # B Q S D -> B Q·S D
        crossed = self.cross_attention(flat, self.norm_memory(memory)).unflatten(1, (groups, size))
        x = x + self._branch(self.scale_cross, crossed)
        return x + self._branch(self.scale_feed_forward, self.feed_forward(self.norm_feed_forward(x)))

    def _branch(self, scale: LayerScale, update: Tensor) -> Tensor:
        return self.drop_branch(scale(self.dropout(update)))

    def _self_attention(self, x: Tensor, mask: Tensor | None, across_groups: bool) -> Tensor:
        batch, groups, size, _ = x.shape
        # one attention problem per prompt, so that no Q·S × Q·S mask is ever made
        x = x.flatten(1, 2) if across_groups else x.flatten(0, 1)
        if mask is not None:
            mask = (mask.flatten(1, 2) if across_groups else mask.flatten(0, 1))[:, None, None, :]  # … 1 1 T
            if across_groups:
                # what the released weights were trained with: a masked token is hidden from its own group alone
                group = torch.arange(groups, device=x.device).repeat_interleave(size)
                mask = mask | (group[:, None] != group)
            mask = mask | ~mask.any(dim=-1, keepdim=True)  # a group without a valid token must not give NaN
        mixed = self.self_attention(x, x, mask=mask)
        return mixed.unflatten(1, (groups, size)) if across_groups else mixed.unflatten(0, (batch, groups))


def decoder_blocks(config: DecoderConfig, width: int) -> nn.ModuleList:
    """The blocks of a decoder, as its configuration has them."""
    return nn.ModuleList(
        DecoderBlock(
            width, config.heads, dropout=config.dropout, attention_dropout=config.attention_dropout,
            stochastic_depth=config.stochastic_depth, layer_scale=config.layer_scale,
        )
        for _ in range(config.layers)
    )  # fmt: skip
