"""CLIP's text transformer: one vector per prompt, from its end-of-text token (paper 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chex.model.attention import EncoderBlock
from chex.model_config import PromptEncoderConfig


class PromptEncoder(nn.Module):
    def __init__(self, config: PromptEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocabulary_size, config.width)
        self.positional_embedding = nn.Parameter(torch.randn(config.context, config.width) * 0.01)
        self.blocks = nn.ModuleList(
            EncoderBlock(config.width, config.heads, activation=config.activation, dropout=config.dropout)
            for _ in range(config.layers)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.norm_after = nn.LayerNorm(config.width)
        self.projection = nn.Parameter(config.width**-0.5 * torch.randn(config.width, config.embedding))
        nn.init.normal_(self.token_embedding.weight, std=0.02)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """ids (n, T) with start and end tokens, lengths (n) up to and with the end token → (n, D).

        What stands behind the end token is never seen: attention is causal.
        """
        x = self.dropout(self.token_embedding(ids) + self.positional_embedding[: ids.shape[1]])
        for block in self.blocks:
            x = block(x, causal=True)
        ends = x[torch.arange(len(x), device=x.device), lengths - 1]
        return self.norm_after(ends) @ self.projection
