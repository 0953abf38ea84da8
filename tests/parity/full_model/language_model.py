"""Prefix, teacher forcing, greedy decoding and the tokenizer of the sentence generator."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from chex.losses.generation import generation_loss
from chex.model.chex import Chex
from tests.parity.cases import Case
from tests.parity.full_model.recorded_model import model_of
from tests.parity.registry import Found, check

PADDED_POSITION = 1  # of all padding in the authors' code


@check("lm_prefix")
@torch.no_grad()
def prefix(case: Case) -> Found:
    found = model_of(case.folder).generator.prefix(case.inputs["prefix_features"])
    return {"prefix_key_values": (found, case.outputs["prefix_key_values"])}


@check("lm_prefix_multi")
@torch.no_grad()
def prefix_of_several(case: Case) -> Found:
    """Several tokens of one sentence are prefixes one behind the other."""
    tokens = case.inputs["prefix_features"]  # n R D
    each = model_of(case.folder).generator.prefix(tokens.flatten(0, 1)).unflatten(2, tokens.shape[:2])
    joined = each.movedim(3, 4).flatten(4, 5)  # L 2 n R H P d -> L 2 n H R·P d
    return {"prefix_key_values": (joined, case.outputs["prefix_key_values"])}


@check("lm_train_step*")
@torch.no_grad()
def teacher_forcing(case: Case) -> Found:
    model, outputs = model_of(case.folder), case.outputs
    ids, lengths = padded_ids(model, case.inputs["target_sentences"])
    selected = case.inputs.get("target_sentences_mask")
    if selected is not None:
        ids, lengths = ids[selected], lengths[selected]
    positions, visible = padding_layout(ids, lengths)
    logits = logits_with_padding(model, case.inputs["prefix_features"], ids, lengths)
    found = {
        "loss": (generation_loss(logits, ids, lengths, padding_counts=True), outputs["loss"]),
        "input_ids": (ids, outputs["input_ids"]),
        "logits": (logits, outputs["logits"]),
    }
    if "labels" in outputs:
        prefix_visible = F.pad(visible, (model.config.generator.prefix_tokens, 0), value=True)
        found |= {
            "labels": (ids, outputs["labels"]),
            "position_ids": (positions, outputs["position_ids"]),
            "attention_mask": (prefix_visible.long(), outputs["attention_mask"]),
        }
    return found


def padded_ids(model: Chex, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
    return model.sentence_tokenizer.encode(sentences, context=model.config.generator.positions)


def padding_layout(ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Positions (n, T) and what a word may look at (n, T), as the authors have them behind the end of a sentence."""
    places = torch.arange(ids.shape[1]).expand_as(ids)
    visible = places < lengths[:, None]
    return places.masked_fill(~visible, PADDED_POSITION), visible


def logits_with_padding(model: Chex, tokens: Tensor, ids: Tensor, lengths: Tensor) -> Tensor:
    """Logits (n, T, vocabulary) also for padding, which ours never needs: the authors' loss counts it (note 9)."""
    positions, visible = padding_layout(ids, lengths)
    return model.generator.language_model(ids, model.generator.prefix(tokens), positions=positions, visible=visible)


@check("lm_generate_greedy_*")
@torch.no_grad()
def greedy(case: Case) -> Found:
    model, outputs = model_of(case.folder), case.outputs
    tokenizer, tokens = model.sentence_tokenizer, case.inputs["prefix_features"]
    limit = case.kwargs["max_length"] - 1  # the authors count the start token
    words = model.generator.generate(tokens, tokenizer.start_id, tokenizer.end_id, max_tokens=limit)
    ids = _padded(words, tokenizer.start_id, tokenizer.end_id, limit)
    some = len(outputs["logits_teacher_forced_first4"])
    logits = model.generator(tokens, ids[:, :-1])
    best = logits.topk(2).values
    written = torch.arange(ids.shape[1] - 1) < torch.tensor([[len(row) + 1] for row in words])
    return {
        "ids": (ids, outputs["ids"]),
        "logits_teacher_forced_first4": (logits[:some], outputs["logits_teacher_forced_first4"]),
        "min_top1_top2_margin": ((best[..., 0] - best[..., 1])[written].min(), outputs["min_top1_top2_margin"]),
        "extra.sentences": (tokenizer.decode(words), case.extra["sentences"]),
        "extra.new_tokens_before_eos": ([len(row) for row in words], case.extra["new_tokens_before_eos"]),
    }


def _padded(words: list[list[int]], start_id: int, end_id: int, limit: int) -> Tensor:
    """Start token, words and end tokens up to the longest, at most 1 + limit (n, T)."""
    longest = min(max(map(len, words)) + 1, limit)
    return torch.tensor([[start_id, *row, *[end_id] * (longest - len(row))] for row in words])


@check("generate_sentences")
@torch.no_grad()
def sentences_of_regions(case: Case) -> Found:
    model, mask = model_of(case.folder), case.inputs["feature_mask"]
    sentences = iter(model.write(case.inputs["features"][mask], max_tokens=case.kwargs["max_length"] - 1))
    found = [[next(sentences) for _ in range(count)] for count in mask.sum(dim=1).tolist()]
    return {"extra.sentences": (found, case.extra["sentences"])}


@check("lm_tokenizer")
def tokenizer(case: Case) -> Found:
    model, sentences = model_of(case.folder), case.inputs["sentences"]
    ids, lengths = padded_ids(model, sentences)
    whole = [row[:length].tolist() for row, length in zip(ids, lengths.tolist())]
    decoded = model.sentence_tokenizer.decode([row[1:-1] for row in whole])
    return {
        "extra.ids": ([row[1:-1] for row in whole], case.extra["ids"]),
        "extra.with_special": (whole, case.extra["with_special"]),
        "extra.eos": (model.sentence_tokenizer.end_id, case.extra["eos"]),
        "extra.vocab_size": (len(model.sentence_tokenizer), case.extra["vocab_size"]),
        "decoded again": (decoded, sentences),
    }
