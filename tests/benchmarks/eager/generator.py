"""Sentences from the library's GPT-2 and its own decoding loop, behind a prefix of given keys and values."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import DynamicCache, GPT2Config, GPT2LMHeadModel, LogitsProcessor, LogitsProcessorList

from chex.model.sentence_generator import SentenceGenerator
from tests.benchmarks.eager.towers import plain_mlp
from tests.benchmarks.forced_words import ForcedWords

SENTENCES_AT_ONCE = 32


class PrefixedGpt2(GPT2LMHeadModel):
    """Positions count the words alone: the prefix takes none."""

    def prepare_inputs_for_generation(self, input_ids: Tensor, past_key_values=None, attention_mask=None, **_) -> dict:
        position = torch.full((len(input_ids), 1), input_ids.shape[1] - 1, device=input_ids.device)
        return {
            "input_ids": input_ids[:, -1:],
            "position_ids": position,
            "past_key_values": past_key_values,
            "use_cache": True,
        }


class Forced(LogitsProcessor):
    def __init__(self, words: ForcedWords, sentences: Tensor) -> None:
        self.words = words
        self.sentences = sentences

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return self.words.restricted(scores, self.sentences, input_ids.shape[1] - 1)


class EagerGenerator:
    """Decodes batches of 32; every sentence of a batch is computed until the longest is finished."""

    def __init__(self, ours: SentenceGenerator, words: ForcedWords) -> None:
        self.ours = ours
        self.words = words
        self.prefix_head = plain_mlp(ours.prefix_head)
        self.language_model = library_gpt2(ours)

    def most_bytes_per_sentence(self) -> int:
        return self.ours.most_bytes_per_sentence()

    def _prefix(self, tokens: Tensor) -> Tensor:
        """(n, D) → keys and values of the virtual tokens (L, 2, n, H, P, d)."""
        c = self.ours.config
        flat = self.prefix_head(tokens)
        return flat.view(len(tokens), c.prefix_tokens, c.layers, 2, c.heads, -1).permute(2, 3, 0, 4, 1, 5)

    def generate(self, tokens: Tensor, start_id: int, end_id: int) -> list[list[int]]:
        sentences: list[list[int]] = []
        for start in range(0, len(tokens), SENTENCES_AT_ONCE):
            rows = torch.arange(start, min(start + SENTENCES_AT_ONCE, len(tokens)), device=tokens.device)
            prefix = self._prefix(tokens[rows])
            cache = DynamicCache([(layer[0].contiguous(), layer[1].contiguous()) for layer in prefix])
            starts = torch.full((len(rows), 1), start_id, device=tokens.device)
            ids = self.language_model.generate(
                starts, attention_mask=torch.ones_like(starts), past_key_values=cache, do_sample=False,
                eos_token_id=end_id, pad_token_id=end_id, max_new_tokens=self.ours.config.max_tokens,
                logits_processor=LogitsProcessorList([Forced(self.words, rows)]),
            )  # fmt: skip
            for row in ids[:, 1:].tolist():
                sentences.append(row[: row.index(end_id)] if end_id in row else row)
        return sentences


def library_gpt2(ours: SentenceGenerator) -> PrefixedGpt2:
    """The library's model with the weights of ours."""
    c, source = ours.config, ours.language_model
    with torch.device("meta"):
        made = PrefixedGpt2(
            GPT2Config(vocab_size=c.vocabulary_size, n_positions=c.positions, n_embd=c.width, n_layer=c.layers,
                       n_head=c.heads, bos_token_id=None, eos_token_id=None)
        )  # fmt: skip
    state = {
        "transformer.wte.weight": source.token_embedding.weight,
        "transformer.wpe.weight": source.positional_embedding.weight,
        "transformer.ln_f.weight": source.norm.weight,
        "transformer.ln_f.bias": source.norm.bias,
        "lm_head.weight": source.token_embedding.weight,
    }
    for i, block in enumerate(source.blocks):
        parts = {"ln_1": block.norm_attention, "ln_2": block.norm_feed_forward}
        linears = {"attn.c_attn": block.to_query_key_value, "attn.c_proj": block.to_output,
                   "mlp.c_fc": block.expand, "mlp.c_proj": block.contract}  # fmt: skip
        state |= {f"transformer.h.{i}.{name}.weight": norm.weight for name, norm in parts.items()}
        state |= {f"transformer.h.{i}.{name}.bias": norm.bias for name, norm in parts.items()}
        # the library keeps these matrices the other way round
        state |= {f"transformer.h.{i}.{name}.weight": linear.weight.T.contiguous() for name, linear in linears.items()}
        state |= {f"transformer.h.{i}.{name}.bias": linear.bias for name, linear in linears.items()}
    made.load_state_dict({name: tensor.detach() for name, tensor in state.items()}, assign=True)
    return made.eval()
