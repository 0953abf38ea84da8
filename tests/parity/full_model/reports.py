"""Whole reports: which regions get a sentence, which sentences stay, which boxes go with them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from chex.geometry import Frame
from chex.inference.detection import PromptReader
from chex.inference.features import ImageFeatures
from chex.inference.repeats import repeats, sentence_similarity
from chex.records import Query
from tests.parity.cases import Case
from tests.parity.comparison import Compared
from tests.parity.full_model.detection import clipped, detected, region_scores
from tests.parity.full_model.prompts import both_sides, probabilities, prompt_means
from tests.parity.full_model.recorded_model import encoded, model_of
from tests.parity.registry import Found, check


@dataclass(frozen=True, slots=True)
class Asked:
    """The prompts of a report in their order: names, "pathology" or "anatomy", the first spelling, features (Q, D)."""

    names: list[str]
    types: list[str]
    texts: list[str]
    features: Tensor


@dataclass(frozen=True, slots=True)
class Regions:
    """What the model says of every prompt: probability (B, Q) that something is wrong, score (B, Q), boxes, tokens."""

    abnormal: Tensor
    scores: Tensor
    boxes_cxcywh: Tensor
    box_scores: Tensor
    tokens: Tensor


@check("report_generation_*")
@torch.no_grad()
def report(case: Case) -> Found:
    asked = _asked(case)
    regions = _regions(case, asked)
    chosen = _chosen(case, asked, regions)
    candidates = _candidates(case, regions.tokens, chosen)
    kept = [_kept(case, regions, b, said) for b, said in enumerate(candidates)]
    similarity, mask = _similarity(case, candidates)
    written = [[said[i] for i in row] for said, row in zip(candidates, kept)]
    recorded, extra = case.outputs, case.extra

    def picked(values: Tensor) -> list:
        # a fault of theirs (note 15): a sentence's place among those written is taken for its place among the prompts
        return [values[b, row].tolist() for b, row in enumerate(kept)]

    return {
        **_answered(case, asked, regions),
        "token_prompts": (asked.features, recorded["token_prompts"]),
        "region_mask": (chosen, recorded["region_mask"]),
        "region_weights": (regions.scores, recorded["region_weights"]),
        "region_cls_probs": (regions.abnormal, recorded["region_cls_probs"]),
        "region_multiboxes": (regions.boxes_cxcywh, recorded["region_multiboxes"]),
        "region_multibox_weights": (regions.box_scores, recorded["region_multibox_weights"]),
        "sentence_mask": (mask, recorded["sentence_mask"]),
        "sentence_similarity": Compared(
            similarity, recorded["sentence_similarity"] * _pairs(mask), note="of sentences that there are"
        ),
        "extra.prompt_texts": (asked.texts, extra["prompt_texts"]),
        "extra.prompt_types": (asked.types, extra["prompt_types"]),
        "extra.candidate_sentences": (candidates, extra["candidate_sentences"]),
        "extra.pred_sentences": (written, extra["pred_sentences"]),
        "extra.pred_boxes": (picked(regions.boxes_cxcywh), extra["pred_boxes"]),
        "extra.pred_boxes_weights": (picked(regions.box_scores), extra["pred_boxes_weights"]),
        "extra.pred_prompt_types": ([[asked.types[i] for i in row] for row in kept], extra["pred_prompt_types"]),
        "extra.pred_prompt_names": ([[asked.texts[i] for i in row] for row in kept], extra["pred_prompt_names"]),
        "extra.report": ([" ".join(row) for row in written], extra["report"]),
    }


def _answered(case: Case, asked: Asked, regions: Regions) -> Found:
    """The same prompts asked as a user asks them give the same tokens, from which the sentences are written."""
    spellings = {**case.kwargs["pathology_prompts"], **case.kwargs["anatomy_prompts"]}
    if any(len(spellings[name]) > 1 for name in asked.names) or not case.kwargs["skip_roi_pool_inference"]:
        return {}  # a user's query has one spelling, and ours always takes the skip connection
    model, images = model_of(case.folder), encoded(case)
    side = model.config.image_encoder.image_size
    frame = Frame(side, side, side, model.config.preprocessing.fit)
    features = [
        ImageFeatures(patches, images.positions, pooled, images.grid, frame)
        for patches, pooled in zip(images.patches, images.pooled)
    ]
    queries = [Query(text=text) for text in asked.texts]
    answers = PromptReader(model).detect(features, [queries] * len(features))
    tokens = torch.stack([torch.stack([answer.token for answer in row]) for row in answers])
    return {"tokens of a session's answers": (tokens, regions.tokens)}


def _asked(case: Case) -> Asked:
    k = case.kwargs
    kinds = {"pathology": k["use_pathology_prompts"], "anatomy": k["use_anatomy_prompts"]}
    names = {kind: k[f"{kind}_names"] for kind, used in kinds.items() if used}
    return Asked(
        names=[name for kind in names for name in names[kind]],
        types=[kind for kind in names for _ in names[kind]],
        texts=[k[f"{kind}_prompts"][name][0] for kind in names for name in names[kind]],
        features=torch.cat([prompt_means(case, k[f"{kind}_prompts"], names[kind]) for kind in names]),
    )


def _regions(case: Case, asked: Asked) -> Regions:
    model, images = model_of(case.folder), encoded(case)
    found, _ = detected(case, images, asked.features, None)
    tokens = model.refine(images, found)
    sides = both_sides(case, case.kwargs, case.kwargs["pathology_names"])
    if case.kwargs["cls_prompt_average"]:
        sides = [side.mean(dim=0, keepdim=True) for side in sides]
    return Regions(
        abnormal=probabilities(case, tokens, *sides).amax(dim=-1), scores=region_scores(found.scores),
        boxes_cxcywh=clipped(found.boxes_cxcywh), box_scores=found.scores, tokens=tokens,
    )  # fmt: skip


def _chosen(case: Case, asked: Asked, regions: Regions) -> Tensor:
    """(B, Q) True where a sentence is written."""
    left_out = {"pathology": case.kwargs["ignore_negative_pathologies"],
                "anatomy": case.kwargs["ignore_negative_anat_regions"]}  # fmt: skip
    always = torch.tensor([not left_out[kind] for kind in asked.types])
    return always | (regions.abnormal > case.kwargs["positive_threshold"])


def _candidates(case: Case, tokens: Tensor, chosen: Tensor) -> list[list[str]]:
    limit = case.kwargs["sentence_generartion_kwargs"]["max_length"] - 1  # the authors count the start token
    sentences = iter(model_of(case.folder).write(tokens[chosen], max_tokens=limit))
    return [list(islice(sentences, count)) for count in chosen.sum(dim=1).tolist()]


def _kept(case: Case, regions: Regions, b: int, sentences: list[str]) -> list[int]:
    """Places of the sentences that stay; the preference of the i-th one is that of the i-th prompt (note 15)."""
    k = case.kwargs
    preferences = {"weight": regions.scores, "positiveness": regions.abnormal}[k["sentence_preference"]]
    gone = repeats(
        sentence_similarity(model_of(case.folder), sentences), preferences[b].tolist(),
        same=k["synonym_removal_thres"], similar=k["synonyme_soft_removal_thres"], most=k["max_sentences"],
    )  # fmt: skip
    return [i for i in range(len(sentences)) if i not in {goes for goes, _ in gone}]


def _similarity(case: Case, candidates: list[list[str]]) -> tuple[Tensor, Tensor]:
    """(B, S, S), 0 where there is no sentence, and which there are (B, S)."""
    mask = pad_sequence([torch.ones(len(said), dtype=torch.bool) for said in candidates], batch_first=True)
    filled = torch.zeros(*mask.shape, mask.shape[1])
    for b, said in enumerate(candidates):
        filled[b, : len(said), : len(said)] = sentence_similarity(model_of(case.folder), said)
    return filled, mask


def _pairs(mask: Tensor) -> Tensor:
    return mask[:, :, None] & mask[:, None]
