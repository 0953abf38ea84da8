"""ROI tokens to sentences: GPT-2 behind a prefix of virtual tokens (P-tuning v2; paper 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chex.model.attention import Mlp
from chex.model.key_value_cache import KeyValueCache
from chex.model.language_model import LanguageModel
from chex.model_config import GeneratorConfig

# asking whether a sentence has ended makes a GPU wait for the answer
STEPS_BETWEEN_LOOKS = {"cpu": 1, "cuda": 8}


class SentenceGenerator(nn.Module):
    """Letters: n ROI tokens, T words, P prefix tokens, L layers, H heads, d width per head."""

    def __init__(self, config: GeneratorConfig, width: int) -> None:
        super().__init__()
        self.config = config
        self.language_model = LanguageModel(config)
        self.prefix_head = Mlp(width, 4 * width, config.prefix_tokens * 2 * config.layers * config.width)

    def prefix(self, tokens: Tensor) -> Tensor:
        """tokens (n, D) → keys and values of the virtual tokens (L, 2, n, H, P, d)."""
        c = self.config
        flat = self.prefix_head(tokens)
        parts = flat.view(len(tokens), c.prefix_tokens, c.layers, 2, c.heads, c.width // c.heads)  # n P L 2 H d
        return parts.permute(2, 3, 0, 4, 1, 5)

    def forward(self, tokens: Tensor, ids: Tensor) -> Tensor:
        """Teacher forcing: tokens (n, D), ids (n, T) → logits (n, T, vocabulary)."""
        return self.language_model(ids, self.prefix(tokens))

    def most_bytes_per_sentence(self) -> int:
        """Memory of the keys and values of one sentence of the longest kind."""
        c = self.config
        words = c.prefix_tokens + min(c.max_tokens, c.positions)
        return 2 * c.layers * c.width * words * self.prefix_head.contract.weight.element_size()

    def next_words(self, logits: Tensor, sentences: Tensor, position: int) -> Tensor:
        """logits (n, vocabulary) of the word at `position` of these of the sentences → words (n), greedily."""
        return logits.argmax(dim=-1)

    @torch.inference_mode()
    def generate(self, tokens: Tensor, start_id: int, end_id: int, *, max_tokens: int | None = None) -> list[list[int]]:
        """Greedy decoding: tokens (n, D) → word ids of n sentences, without start and end tokens.

        A finished sentence leaves the batch, so that long ones do not make short ones wait.
        """
        limit = min(max_tokens or self.config.max_tokens, self.config.positions)
        sentences: list[list[int]] = [[] for _ in range(len(tokens))]
        if not sentences:
            return sentences
        steps_between_looks = STEPS_BETWEEN_LOOKS.get(tokens.device.type, 1)
        cache = KeyValueCache(self.prefix(tokens))
        alive = torch.arange(len(tokens), device=tokens.device)
        words = torch.full_like(alive, start_id)
        going_on = torch.ones_like(alive, dtype=torch.bool)
        spoken: list[tuple[Tensor, Tensor]] = []
        for position in range(limit):
            words = self.next_words(self.language_model.step(words, position, cache), alive, position)
            spoken.append((alive, words))
            going_on = going_on & (words != end_id)
            if (position + 1) % steps_between_looks == 0 and not bool(going_on.all()):
                order = cache.keep(going_on)
                if not len(order):
                    break
                alive, words, going_on = alive[order], words[order], going_on[order]
        for owners, said in spoken:
            for owner, word in zip(owners.tolist(), said.tolist()):
                sentences[owner].append(word)
        return [words[: words.index(end_id)] if end_id in words else words for words in sentences]
