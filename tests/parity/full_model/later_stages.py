"""The losses of the stages that train the post decoder and the sentence generator, with all gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from chex.inference.classification import prompt_mean
from chex.losses.classification import region_class_loss
from chex.losses.contrastive import sentence_loss
from chex.losses.distance import squared_distance
from chex.losses.generation import generation_loss
from chex.model.detections import EncodedImages
from tests.parity.cases import Case
from tests.parity.full_model.detection import box_tokens
from tests.parity.full_model.language_model import logits_with_padding, padded_ids
from tests.parity.full_model.parameter_gradients import with_gradients
from tests.parity.full_model.recorded_model import encoded, model_of
from tests.parity.full_model.stage_prompts import anatomy_prompts, detect, finding_prompts, sentences_of
from tests.parity.registry import Found, check

NO_FINDING = "No indication of pathologies."  # what the authors let a region say that nothing is said about


@check("train_stage2_*", "train_stage3_*")
def later_stages(case: Case) -> Found:
    if case.kwargs["post_decoder_multibox_drop"]:
        raise ValueError("box features are left out by chance, but no draw is recorded")
    return with_gradients(case, _losses)


def _losses(case: Case) -> dict[str, Tensor]:
    images = encoded(case)
    sentences, regions = _sentences(case, images), _regions(case, images)
    k = case.kwargs["anat_tok"]
    weights = {
        "l_anat.anat_cls": k.get("coeff_anat_cls"), "l_anat.sent_mse": k.get("coeff_anat_mse"),
        "l_anat.anat_gen": k.get("coeff_anat_gen"),
    }  # fmt: skip
    total = sentences["l_sent.total_sent"] + sum(weights[name] * part for name, part in regions.items())
    return {"loss": total, **sentences, **regions}


def _sentences(case: Case, images: EncodedImages) -> dict[str, Tensor]:
    model, k, said = model_of(case.folder), case.kwargs["sent_tok"], sentences_of(case)
    seen = images.of(said.images)
    with torch.no_grad():
        found = detect(case, seen, said.features, said.mask)
    tokens = model.refine(seen, found, said.mask)
    parts = {}
    if k.get("use_sent_contr"):
        different = torch.eye(int(said.mask.sum()), dtype=torch.bool)
        parts["sent_contr"] = sentence_loss(
            tokens, said.features, said.mask, different, temperature=k["sent_contr_temp"]
        )
    if k.get("use_sent_mse"):
        parts["sent_mse"] = squared_distance(tokens, said.features, said.mask)
    if k.get("use_sent_gen"):
        everything = torch.ones(len(said.texts), dtype=torch.bool)
        parts["sent_gen"] = _generation_loss(case, tokens[said.mask], said.texts, everything)
    total = sum(k[f"coeff_{name}"] * part for name, part in parts.items())
    return {f"l_sent.{name}": part for name, part in (parts | {"total_sent": total}).items()}


def _regions(case: Case, images: EncodedImages) -> dict[str, Tensor]:
    i, k = case.inputs, case.kwargs["anat_tok"]
    tokens, present = _region_tokens(case, images), i["target_anat_present_masks"]
    parts = {}
    if k.get("use_anat_cls"):
        positive, negative = finding_prompts(case)
        parts["anat_cls"] = region_class_loss(
            tokens[present], i["target_anat_cls_labels"].bool()[present], positive, negative,
            torch.arange(len(positive)), temperature=k["anat_cls_temp"], balanced=False,
        )  # fmt: skip
    said = torch.tensor([[bool(texts) for texts in row] for row in i["target_anat_sentences"]])
    if k.get("use_anat_mse"):
        features = torch.zeros_like(tokens)
        features[said] = torch.stack(
            [prompt_mean(model_of(case.folder), texts) for row in i["target_anat_sentences"] for texts in row if texts]
        )
        # also of regions that the image lacks (note 10)
        parts["sent_mse"] = squared_distance(tokens, features, said)
    if k.get("use_anat_gen"):
        parts["anat_gen"] = _region_generation(case, tokens, said)
    return {f"l_anat.{name}": part for name, part in parts.items()}


def _region_tokens(case: Case, images: EncodedImages) -> Tensor:
    """Refined tokens (B, Q, D) of regions asked by name or by their true box, which in training comes without a mask."""
    model, i = model_of(case.folder), case.inputs
    if case.kwargs["anat_tok"]["region_encoding_mode"] == "bbox":
        return box_tokens(case, images, i["target_anat_boxes"], None)
    with torch.no_grad():
        found = detect(case, images, anatomy_prompts(case, i["anatomy_names"])[None])
    return model.refine(images, found)


def _region_generation(case: Case, tokens: Tensor, said: Tensor) -> Tensor:
    asked = case.inputs["target_anat_present_masks"]
    empty = case.kwargs["anat_tok"].get("empty_sentences_mode", "ignore")
    if empty == "ignore":
        asked = asked & said
    elif empty != "no_finding":
        raise ValueError(f"the case lets silent regions say {empty!r}, which is not known here")
    texts = [" ".join(texts) or NO_FINDING for row in case.inputs["target_anat_sentences"] for texts in row]
    return _generation_loss(case, tokens[asked], texts, asked.flatten())


def _generation_loss(case: Case, tokens: Tensor, texts: Sequence[str], selected: Tensor) -> Tensor:
    """With padding counted, up to the longest of all texts, selected or not (note 9)."""
    model = model_of(case.folder)
    ids, lengths = padded_ids(model, texts)
    ids, lengths = ids[selected], lengths[selected]
    return generation_loss(logits_with_padding(model, tokens, ids, lengths), ids, lengths, padding_counts=True)
