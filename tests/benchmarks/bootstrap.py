"""How long the bootstrap of every metric takes, beside drawing samples again and computing the metric anew each time.

python -m tests.benchmarks.bootstrap [--draws 1000] [--samples 3000] [--plain-draws 2] [--only NAME]

Seconds are of the processor, on one core. "plain" is timed on a few draws and multiplied; both must give the same figures for the same draws.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from chex.metrics.bootstrap import resampling_weights, spread_over
from tests.benchmarks.bootstrap_cases import CASES

SECONDS = 60.0  # of each metric, for 1,000 draws of 3,000 samples


@dataclass(frozen=True, slots=True)
class Measured:
    prepared: float  # seconds of what is counted once
    ours: float  # seconds of all draws
    plain: float  # seconds that the plain loop would take
    difference: float  # the largest between both, over the draws that were made by both

    @property
    def ratio(self) -> float:
        return self.plain / (self.prepared + self.ours)


def measure(case: Callable, samples: int, draws: int, plain_draws: int) -> Measured:
    """case(samples, generator) gives (prepare, plain): see tests/benchmarks/bootstrap_cases.py."""
    prepare, plain = case(samples, np.random.default_rng(0))
    weights = resampling_weights(samples, draws)
    began = time.process_time()
    statistic = prepare()
    prepared = time.process_time() - began
    began = time.process_time()
    spread_over(statistic, weights)
    ours = time.process_time() - began
    began = time.process_time()
    expected = [plain(np.repeat(np.arange(samples), row.astype(int))) for row in weights[:plain_draws]]
    looped = (time.process_time() - began) * draws / plain_draws
    difference = np.abs(statistic(weights[:plain_draws]) - expected).max()
    return Measured(prepared, ours, looped, float(difference))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bootstrap", description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=3000)
    parser.add_argument("--plain-draws", type=int, default=2, help="draws of the plain loop")
    parser.add_argument("--only", choices=CASES, nargs="*", default=list(CASES))
    asked = parser.parse_args(arguments)
    print(f"{asked.draws} draws of {asked.samples} samples, seconds of one core")
    print(f"{'metric':34} {'once':>8} {'draws':>8} {'plain loop':>11} {'ratio':>8} {'difference':>11}")
    ratios, wrong = {}, []
    for name in asked.only:
        found = measure(CASES[name], asked.samples, asked.draws, asked.plain_draws)
        print(
            f"{name:34} {found.prepared:8.2f} {found.ours:8.2f} {found.plain:11.0f} {found.ratio:8.1f} "
            f"{found.difference:11.1e}",
            flush=True,
        )
        ratios[name] = round(found.ratio, 1)
        ratios[f"{name}: minute / seconds"] = round(SECONDS / (found.prepared + found.ours), 2)
        if not found.difference < 1e-9:
            wrong.append(name)
    goals = {name: 1 for name in ratios}
    print(json.dumps({"name": "bootstrap", "ratios": ratios, "goals": goals, "problems": wrong}))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
