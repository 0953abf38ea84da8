"""Image encoder, text encoder and the features of prompts and sentences."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from chex.inference.classification import prompt_mean
from tests.parity.cases import Case
from tests.parity.full_model.prompts import both_sides, prompt_means
from tests.parity.full_model.recorded_model import encoded, model_of, padded_texts
from tests.parity.registry import Found, check


@check("img_encoder")
def image_encoder(case: Case) -> Found:
    images, outputs = encoded(case), case.outputs
    batch, grid = len(images.patches), images.grid
    return {
        "patch_features": (images.patches.unflatten(1, grid), outputs["patch_features"]),
        "pos_embeddings": (images.positions.unflatten(0, grid).expand(batch, *grid, -1), outputs["pos_embeddings"]),
        "global_features": (images.pooled, outputs["global_features"]),
    }


@check("text_encoder")
def text_encoder(case: Case) -> Found:
    model, prompts = model_of(case.folder), case.inputs["prompts"]
    context = case.kwargs["context_length"]
    ids, lengths = model.prompt_tokenizer.encode(prompts, context=context)
    # the authors fill up to the context with zeros; what stands behind the end of the text is never seen
    places = torch.arange(ids.shape[1])
    filled = F.pad(ids.masked_fill(places >= lengths[:, None], 0), (0, context - ids.shape[1]))
    return {
        "token_ids": (filled, case.outputs["token_ids"]),
        "embeddings": (model.text_features(prompts), case.outputs["embeddings"]),
    }


@check("encode_prompts_synonyms")
def synonyms(case: Case) -> Found:
    prompts, names = case.inputs["prompts_by_class"], case.inputs["class_names"]
    return {
        "emb": (prompt_means(case, prompts, names), case.outputs["emb"]),
        "mask": (torch.tensor([bool(prompts[name]) for name in names]), case.outputs["mask"]),
    }


@check("encode_prompts_templates")
def templates(case: Case) -> Found:
    mean = prompt_mean(model_of(case.folder), case.inputs["filled"])
    return {"emb": (mean[None], case.outputs["emb"])}


@check("encode_pos_neg_*")
def positive_and_negative(case: Case) -> Found:
    positive, negative = both_sides(case, case.inputs, case.inputs["class_names"])
    return {"pos": (positive, case.outputs["pos"]), "neg": (negative, case.outputs["neg"])}


@check("encode_sentences")
def sentences(case: Case) -> Found:
    features, mask = padded_texts(model_of(case.folder), case.inputs["sentences"])
    return {
        "sentence_features": (features, case.outputs["sentence_features"]),
        "sentence_mask": (mask, case.outputs["sentence_mask"]),
    }
