"""How fast phantoms are made: whole studies, written to disk by one process, beside the bare projection of the same.

python -m tests.benchmarks.phantoms [--studies 60]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

GOAL = 20.0  # studies per second and core, at 256 pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=60)
    studies = parser.parse_args().studies
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from pipelines.phantoms.image import render
    from pipelines.phantoms.studies import write_phantoms

    render(0)  # what is loaded and computed once is no part of the rate
    began = time.perf_counter()
    for seed in range(studies):
        render(seed)
    projection = studies / (time.perf_counter() - began)
    with tempfile.TemporaryDirectory() as folder:
        first = time.perf_counter()
        write_phantoms(Path(folder) / "few", studies=studies, seed=1, image_size=256, workers=1)
        second = time.perf_counter()
        write_phantoms(Path(folder) / "many", studies=2 * studies, seed=1, image_size=256, workers=1)
        third = time.perf_counter()
    whole = studies / ((third - second) - (second - first))  # the difference leaves out the start of the process
    print(f"{'':28}studies/s on one core")
    print(f"{'projection alone':28}{projection:8.1f}")
    print(f"{'whole studies, written':28}{whole:8.1f}   goal {GOAL:.0f}")
    ratios = {"whole_over_projection": round(whole / projection, 3), "whole_over_goal": round(whole / GOAL, 2)}
    print(json.dumps({"name": "phantoms", "ratios": ratios, "goals": {"whole_over_goal": 1.0}}))


if __name__ == "__main__":
    main()
