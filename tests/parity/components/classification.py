"""Probabilities of findings from the similarity to their positive and negative prompts."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from chex.inference.classification import finding_logits, finding_probabilities
from tests.parity.cases import Case
from tests.parity.registry import check


@check("classify_*")
def classification(case: Case):
    sides = (case.inputs[name] for name in ("features", "pos_prompt_emb", "neg_prompt_emb"))
    tokens, positive, negative = torch.broadcast_tensors(*sides)
    options = {"temperature": case.kwargs["temp"], "cosine": case.kwargs["normalized"]}
    if options["cosine"]:
        positive, negative = F.normalize(positive, dim=-1), F.normalize(negative, dim=-1)
    logits = _pair_by_pair(lambda *pair: finding_logits(*pair, **options), tokens, positive, negative)
    probabilities = _pair_by_pair(lambda *pair: finding_probabilities(*pair, **options), tokens, positive, negative)
    return {
        # with a softmax the logarithm of the probability was recorded
        "logits": (F.logsigmoid(logits) if case.kwargs["softmax"] else logits, case.outputs["logits"]),
        "probs": (probabilities, case.outputs["probs"]),
        "preds": (probabilities > case.kwargs["threshold"], case.outputs["preds"].bool()),
    }


def _pair_by_pair(function, tokens: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """(…, D) each → (…): our functions hold every token against every finding, recorded is each against its own."""
    flat = [side.reshape(-1, side.shape[-1]) for side in (tokens, positive, negative)]
    found = torch.func.vmap(lambda t, p, n: function(t, p[None], n[None]))(*flat)
    return found.view(tokens.shape[:-1])
