"""GPT-2, written for prefixes: every layer attends to given prefix keys and values, then to the words so far.

Letters: n sentences, T tokens, P prefix tokens, L layers, H heads, d width per head.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from chex.model.key_value_cache import KeyValueCache
from chex.model.linear import Linear, PackedWeight
from chex.model_config import GeneratorConfig


class LanguageModelBlock(nn.Module):
    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm_attention = nn.LayerNorm(config.width)
        self.to_query_key_value = Linear(config.width, 3 * config.width)
        self.to_output = Linear(config.width, config.width)
        self.norm_feed_forward = nn.LayerNorm(config.width)
        self.expand = Linear(config.width, 4 * config.width)
        self.contract = Linear(4 * config.width, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.attention_dropout = config.attention_dropout

    def query_key_value(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, T, width) → three of (n, H, T, d)."""
        parts = self.to_query_key_value(self.norm_attention(x)).chunk(3, dim=-1)
        return tuple(part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)

    def after_prefix(self, x: Tensor, prefix: Tensor, mask: Tensor) -> Tensor:
        """Words (n, T, width) behind a prefix (2, n, H, P, d), mask (…, T, P + T) → (n, T, width)."""
        query, key, value = self.query_key_value(x)
        key = torch.cat([prefix[0].to(key.dtype), key], dim=2)
        value = torch.cat([prefix[1].to(value.dtype), value], dim=2)
        return self(x, query, key, value, mask)

    def forward(self, x: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        dropout = self.attention_dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        x = x + self.dropout(self.to_output(mixed.transpose(1, 2).flatten(-2)))
        hidden = F.gelu(self.expand(self.norm_feed_forward(x)), approximate="tanh")
        return x + self.dropout(self.contract(hidden))


class LanguageModel(nn.Module):
    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocabulary_size, config.width)
        self.positional_embedding = nn.Embedding(config.positions, config.width)
        self.dropout = nn.Dropout(config.embedding_dropout)
        self.blocks = nn.ModuleList(LanguageModelBlock(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.packed_embedding = PackedWeight()
        self.recomputes = False  # backward computes each block again instead of keeping what is inside it
        self.apply(self._initialise)

    def _initialise(self, module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)

    def forward(
        self, ids: Tensor, prefix: Tensor, *, positions: Tensor | None = None, visible: Tensor | None = None
    ) -> Tensor:
        """ids (n, T), prefix (L, 2, n, H, P, d) → logits (n, T, vocabulary). The words' positions start at 0.

        positions (n, T) and visible (n, T), False where no word may look, are needed only if what stands behind the
        end of a sentence matters.
        """
        words = ids.shape[1]
        if words > self.config.positions:
            raise ValueError(f"at most {self.config.positions} tokens expected; found {words}")
        places = self.positional_embedding.weight[:words] if positions is None else self.positional_embedding(positions)
        x = self.dropout(self.token_embedding(ids) + places)
        before = torch.ones(words, prefix.shape[-2], dtype=torch.bool, device=ids.device)
        mask = torch.cat([before, torch.ones(words, words, dtype=torch.bool, device=ids.device).tril()], dim=1)
        if visible is not None:
            mask = mask & F.pad(visible, (prefix.shape[-2], 0), value=True)[:, None, None]  # n 1 T P+T
        for block, layer_prefix in zip(self.blocks, prefix):
            if self.recomputes and torch.is_grad_enabled():
                x = checkpoint(block.after_prefix, x, layer_prefix, mask, use_reentrant=False)
            else:
                x = block.after_prefix(x, layer_prefix, mask)
        return self.logits(x)

    def step(self, ids: Tensor, position: int, cache: KeyValueCache) -> Tensor:
        """The next word's logits (n, vocabulary) after the words `ids` (n) at `position`; fills the cache."""
        x = (self.token_embedding(ids) + self.positional_embedding.weight[position])[:, None]
        for layer, block in enumerate(self.blocks):
            query, key, value = block.query_key_value(x)
            x = block(x, query, *cache.append(layer, key, value), None)
        return self.logits(x[:, 0])

    def logits(self, x: Tensor) -> Tensor:
        return self.packed_embedding(self.norm(x), self.token_embedding.weight, None)
