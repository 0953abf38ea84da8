"""Which of several similar sentences stay."""

from __future__ import annotations

import torch

from chex.inference.repeats import repeats
from tests.parity.cases import Case
from tests.parity.comparison import NotCompared
from tests.parity.registry import Found, check


@check("remove_synonyms")
def remove_synonyms(case: Case) -> Found:
    found: dict = {"extra.note": NotCompared("a remark"), "extra.cases": NotCompared("compared one by one below")}
    for i, recorded in enumerate(case.extra["cases"]):
        config, mask = recorded["config"], torch.tensor(recorded["mask"])
        there = mask.nonzero().squeeze(1)
        gone = repeats(
            torch.tensor(recorded["similarity"])[there][:, there],
            [recorded["preference"][place] for place in there.tolist()],
            same=config["synonym_removal_thres"], similar=config["synonyme_soft_removal_thres"],
            most=config["max_sentences"],
        )  # fmt: skip
        mask[there[[goes for goes, _ in gone]]] = False
        found[f"{i}.keep_mask"] = (mask.tolist(), recorded["keep_mask"])
    return found
