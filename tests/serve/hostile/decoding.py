"""Decodes thousands of broken files in one process and says what became of them: `python -m tests.serve.hostile.decoding`.

A process of its own: a decoder that crashes takes nothing else with it, and its memory can be watched and bounded.
"""

from __future__ import annotations

import argparse
import json
import resource
import warnings
from collections import Counter
from pathlib import Path

import psutil

from chex.pixels import UnusableImage, read_radiograph
from tests.serve.hostile.image_seeds import made_seeds, real_seeds
from tests.serve.hostile.mutations import mutated

MOST_MEMORY = 4 * 2**30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--real", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    seeds = made_seeds() + (real_seeds(arguments.real) if arguments.real else [])
    for seed in seeds:
        outcome_of(seed)
    before = memory()
    outcomes = Counter(outcome_of(data) for data in mutated(seeds, arguments.count, arguments.seed))
    print(json.dumps({"outcomes": outcomes, "grown_mebibytes": (memory() - before) / 2**20}))


def outcome_of(data: bytes) -> str:
    try:
        pixels = read_radiograph(data, "a file").pixels
    except UnusableImage as problem:
        return "refused" if problem.reason else "refused without a reason"
    except BaseException as fault:  # noqa: BLE001  whatever it is, it is what this program looks for
        return f"{type(fault).__name__}: {fault}"[:200]
    return "decoded" if pixels.ndim == 2 and pixels.size else "nonsense"


def memory() -> int:
    return psutil.Process().memory_info().rss


if __name__ == "__main__":
    main()
