"""Which prediction answers for which target, exactly."""

from __future__ import annotations

import torch

from chex.losses.matching import MatchingRule, match
from tests.parity.cases import Case
from tests.parity.comparison import Compared
from tests.parity.registry import check

SURPLUS = {"balanced_match": "repeat", "ignore": "unmatched"}


def recorded_rule(mode: str, greedy: bool) -> MatchingRule:
    return MatchingRule("greedy" if greedy else "hungarian", SURPLUS[mode], first="solved")


@check("match_*")
def matching(case: Case):
    costs, present = case.inputs["cost"], case.inputs["mask"].bool()  # B C M K, B C K
    rule = recorded_rule(case.kwargs["non_matched_region_mode"], case.kwargs["greedy_match"])
    pairs, first = match(costs.flatten(0, 1), present.flatten(0, 1), rule)
    prompt, prediction, target = pairs.unbind(-1)
    assigned = torch.zeros_like(costs, dtype=torch.bool).flatten(0, 1)
    assigned[prompt, prediction, target] = True
    standing = torch.zeros(assigned.shape[:2], dtype=torch.bool)
    standing[prompt[first], prediction[first]] = True
    return {
        "assign_mask": (assigned.view(costs.shape), case.outputs["assign_mask"].bool()),
        "matches": Compared(standing.view(costs.shape[:-1]), case.outputs["matches"].bool(), note='first="solved"'),
    }
