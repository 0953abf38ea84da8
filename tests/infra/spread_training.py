"""The held training of `tests.jobs.training.held_run`, with its workers on as many hosts as there are.

python -m tests.infra.spread_training OUTPUT ARGUMENTS OF jobs.train
"""

from __future__ import annotations

import sys
from functools import partial

from tests.jobs.training import held_run

if __name__ == "__main__":
    import ray.train

    # on its own, Ray puts workers together where they fit
    ray.train.ScalingConfig = partial(ray.train.ScalingConfig, placement_strategy="SPREAD")
    sys.exit(held_run.main(*sys.argv[1:]))
