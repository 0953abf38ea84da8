"""Which predicted box answers for which target: Hungarian, repeated until every prediction has one (paper 3.2)."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def assign(costs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """costs (M, K) → (predictions, targets, first) of every matched pair, in the order of the predictions.

    Targets are offered again, in rounds, until all M predictions are taken; a pair of a later round costs more than
    any of an earlier one, so every target is taken equally often, give or take one, at the least total cost.
    `first` marks the cheapest pair of each target. K = 0 gives no pairs.
    """
    predictions, targets = costs.shape
    if not targets:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, empty.astype(bool)
    costs = costs.astype(np.float64)  # in single precision the surcharge of a round would swallow the last digits
    rounds = -(-predictions // targets)
    dearer = (np.ptp(costs) + 1.0) * max(predictions, targets)
    offered = np.concatenate([costs + dearer * r for r in range(rounds)], axis=1)
    rows, columns = linear_sum_assignment(offered)
    columns = columns % targets
    # the total says nothing about which of a target's predictions came in the first round: the cheapest is the best
    first = np.zeros(len(rows), dtype=bool)
    for target in set(columns.tolist()):
        pairs = (columns == target).nonzero()[0]
        first[pairs[costs[rows[pairs], target].argmin()]] = True
    return rows, columns, first


@torch.no_grad()
def match(costs: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Matches the M predictions of every prompt with its own targets.

    costs (P, M, K), present (P, K) True where a target exists → pairs (n, 3) as (prompt, prediction, target) and
    `first` (n), True where the pair is its target's cheapest.
    """
    costs_on_host, present_on_host = costs.float().cpu().numpy(), present.cpu().numpy()
    if not np.isfinite(costs_on_host[present_on_host.nonzero()[0]]).all():
        raise FloatingPointError("the costs between predicted and target boxes are not finite: the model diverged")
    found, first_rounds = [], []
    for prompt in present_on_host.any(axis=1).nonzero()[0]:
        valid = present_on_host[prompt].nonzero()[0]
        predictions, targets, first = assign(costs_on_host[prompt][:, valid])
        found.append(np.stack([np.full_like(predictions, prompt), predictions, valid[targets]], axis=1))
        first_rounds.append(first)
    pairs = np.concatenate(found) if found else np.zeros((0, 3), dtype=np.int64)
    first = np.concatenate(first_rounds) if first_rounds else np.zeros(0, dtype=bool)
    return torch.from_numpy(pairs).to(costs.device), torch.from_numpy(first).to(costs.device)
