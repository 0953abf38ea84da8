"""Which predicted box answers for which target: Hungarian, repeated until every prediction has one (paper 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


@dataclass(frozen=True, slots=True)
class MatchingRule:
    """How predictions and targets are paired; the defaults are the paper's.

    solver: "hungarian" finds the least total cost, "greedy" takes the cheapest free pair again and again.
    surplus: predictions beyond the number of targets "repeat" a target or go "unmatched".
    first: the pair that stands for a target is its "cheapest", or the one that the solver "solved" in the first round.
    The totals are the same whichever pair comes first, so that there the last digit decides, in the costs' precision.
    """

    solver: Literal["hungarian", "greedy"] = "hungarian"
    surplus: Literal["repeat", "unmatched"] = "repeat"
    first: Literal["cheapest", "solved"] = "cheapest"


BALANCED = MatchingRule()


def assign(costs: np.ndarray, rule: MatchingRule = BALANCED) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """costs (M, K) → (predictions, targets, first) of every matched pair, in the order of the predictions.

    Targets are offered again, in rounds, until all M predictions are taken; a pair of a later round costs more than
    any of an earlier one, so every target is taken equally often, give or take one, at the least total cost.
    `first` marks one pair of each target. K = 0 gives no pairs.
    """
    predictions, targets = costs.shape
    if not targets:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, empty.astype(bool)
    if rule.first == "cheapest":  # in single precision the surcharge of a round swallows the last digits
        costs = costs.astype(np.float64)
    rounds = -(-predictions // targets) if rule.surplus == "repeat" else 1
    dearer = np.ptp(costs) + 1
    offered = np.concatenate([costs + dearer * r for r in range(rounds)], axis=1)
    rows, columns = linear_sum_assignment(offered) if rule.solver == "hungarian" else _cheapest_pairs(offered)
    rounds_of, columns = np.divmod(columns, targets)
    return rows, columns, rounds_of == 0 if rule.first == "solved" else _cheapest_of_each(costs[rows, columns], columns)


def _cheapest_pairs(costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    left = costs.astype(np.float64)
    pairs = []
    for _ in range(min(left.shape)):
        row, column = np.unravel_index(left.argmin(), left.shape)
        pairs.append((row, column))
        left[row], left[:, column] = np.inf, np.inf
    rows, columns = np.array(sorted(pairs), dtype=np.int64).T
    return rows, columns


def _cheapest_of_each(costs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    first = np.zeros(len(costs), dtype=bool)
    for target in set(targets.tolist()):
        pairs = (targets == target).nonzero()[0]
        first[pairs[costs[pairs].argmin()]] = True
    return first


@torch.no_grad()
def match(costs: Tensor, present: Tensor, rule: MatchingRule = BALANCED) -> tuple[Tensor, Tensor]:
    """Matches the M predictions of every prompt with its own targets.

    costs (P, M, K), present (P, K) True where a target exists → pairs (n, 3) as (prompt, prediction, target) and
    `first` (n), True for the one pair that stands for its target. Raises FloatingPointError for costs that are not
    finite.
    """
    costs_on_host, present_on_host = costs.float().cpu().numpy(), present.cpu().numpy()
    if not np.isfinite(costs_on_host[present_on_host.nonzero()[0]]).all():
        raise FloatingPointError("the costs between predicted and target boxes are not finite: the model diverged")
    found, first_rounds = [], []
    for prompt in present_on_host.any(axis=1).nonzero()[0]:
        valid = present_on_host[prompt].nonzero()[0]
        predictions, targets, first = assign(costs_on_host[prompt][:, valid], rule)
        found.append(np.stack([np.full_like(predictions, prompt), predictions, valid[targets]], axis=1))
        first_rounds.append(first)
    pairs = np.concatenate(found) if found else np.zeros((0, 3), dtype=np.int64)
    first = np.concatenate(first_rounds) if first_rounds else np.zeros(0, dtype=bool)
    return torch.from_numpy(pairs).to(costs.device), torch.from_numpy(first).to(costs.device)
