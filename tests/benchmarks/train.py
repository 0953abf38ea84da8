"""Samples per second of whole training jobs beside a bare PyTorch loop over the same batches in memory.

python -m tests.benchmarks.train [--stages detector,generator] [--steps 28] [--turns 1] [--quick]

The jobs are commands as a person gives them, with journal, tracking and checkpoints: in process (--workers 0), on Ray
Train with one worker, which has all cores, and with two workers, which share cores and batch. The rates are those of
the journal's clock after a warm-up; before and after every job the bare loop does the same steps, and counts with the
mean of both. Losses must be the bare loop's where one process trains.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from chex.training_config import TrainingConfig
from tests.benchmarks.bare_training import BareLoop, Measured
from tests.benchmarks.training_shards import write_training_shards

WARM_UP = 4  # steps, and those between two lines of the journal
GOALS = {"in_process / bare": 0.95, "one_worker / bare": 0.95}
SIDES = {"in_process": 0, "one_worker": 1, "two_workers": 2}
TOLERANCE = 1e-3  # relative, of the mean loss of the last steps


@dataclass
class Job:
    """What a command did. Rates in samples/s; `waited` is the share of a step in which the data was waited for."""

    rate: float
    waited: float
    start: float  # seconds until the first step was done
    end: float  # seconds after the last one: validation, checkpoint, model
    loss: float


@dataclass
class Turns:
    """Of one stage: per side its jobs and the bare loop's rates around each."""

    jobs: dict[str, list[Job]] = field(default_factory=dict)
    bare: dict[str, list[float]] = field(default_factory=dict)

    def over_bare(self, side: str) -> list[float]:
        return [job.rate / bare for job, bare in zip(self.jobs[side], self.bare[side])]


def options_of(steps: int) -> list[str]:
    return [f"optimizer.steps={steps}", f"optimizer.warmup_steps={steps}", f"log_every={WARM_UP}"]


def job(config: TrainingConfig, uri: str, output: Path, workers: int) -> Job:
    """Runs `python -m jobs.train` and reads its journal. Raises RuntimeError where it fails."""
    command = [sys.executable, "-m", "jobs.train", "--stage", config.stage, "--data", uri, "--preset", "tiny"]
    command += ["--output", str(output), "--workers", str(workers)]
    command += [part for option in options_of(config.optimizer.steps) for part in ("--set", option)]
    began = time.time()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ended = time.time()
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    lines = [json.loads(line) for line in (output.parent / f"{output.name}.training" / "journal.jsonl").open()]
    steps = [line for line in lines if "train/loss" in line]
    first, last = next(line for line in steps if line["step"] == WARM_UP), steps[-1]
    counted = [line for line in steps if line["step"] > WARM_UP]
    samples = (last["step"] - WARM_UP) * config.data.batch_size
    waited = sum(line["data_wait_seconds"] for line in counted) / sum(line["seconds_per_step"] for line in counted)
    return Job(samples / (last["time"] - first["time"]), waited, steps[0]["time"] - began, ended - last["time"],
               last["train/loss"])  # fmt: skip


def measure(config: TrainingConfig, uri: str, folder: Path, turns: int) -> tuple[Turns, dict[str, float]]:
    """The jobs of one stage, printed as they come, and the parts of a bare step in seconds."""
    found = Turns({side: [] for side in SIDES}, {side: [] for side in SIDES})
    threads = len(os.sched_getaffinity(0))
    with BareLoop(config, uri, warm_up=WARM_UP, threads=threads) as loop:
        before = loop.measure()
        for turn in range(turns):
            for side, workers in SIDES.items():
                ran = job(config, uri, folder / f"{config.stage}-{side}-{turn}", workers)
                after = loop.measure()
                if workers < 2:
                    check_losses(f"{config.stage}, {side}", ran, after)
                found.jobs[side].append(ran)
                found.bare[side].append((rate(config, before) + rate(config, after)) / 2)
                before = after
        parts = loop.parts()
    return found, parts


def rate(config: TrainingConfig, measured: Measured) -> float:
    return (len(measured.losses) - WARM_UP) * config.data.batch_size / measured.seconds


def check_losses(name: str, ran: Job, bare: Measured) -> None:
    wanted = statistics.mean(bare.losses[-WARM_UP:])
    if not abs(ran.loss - wanted) <= TOLERANCE * abs(wanted):
        raise SystemExit(f"{name}: both must learn the same; the last losses are {ran.loss:.6g} and {wanted:.6g}")


def print_stage(name: str, found: Turns) -> None:
    median = statistics.median
    for side, jobs in found.jobs.items():
        over = found.over_bare(side)
        spread = f"{min(over):.2f} – {max(over):.2f}" if len(over) > 1 else ""
        print(
            f"{name:12}{side:14}{median(found.bare[side]):9.1f}{median(job.rate for job in jobs):9.1f}"
            f"{median(over):8.2f}  {spread:14}{median(job.waited for job in jobs):9.1%}"
            f"{median(job.start for job in jobs):9.1f}{median(job.end for job in jobs):9.1f}",
            flush=True,
        )


def print_parts(parts: dict[str, dict[str, float]]) -> None:
    print("\nmilliseconds of a bare step, and their share")
    for stage, seconds in parts.items():
        whole = sum(seconds.values())
        for name, value in seconds.items():
            print(f"  {stage:12}{name:26}{1000 * value:9.1f}{value / whole:8.1%}")


def ratios_of(stage: str, found: Turns) -> dict[str, float]:
    median = statistics.median
    ratios = {f"{stage}: {side} / bare": median(found.over_bare(side)) for side in SIDES}
    two, one = ([*map(float, found.over_bare(side))] for side in ("two_workers", "one_worker"))
    ratios[f"{stage}: two_workers / one_worker"] = median(a / b for a, b in zip(two, one))
    return {name: round(value, 3) for name, value in ratios.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stages", default="detector,generator", help="separated by commas")
    parser.add_argument("--steps", type=int, default=28, help=f"of a job, the first {WARM_UP} not counted")
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="the detector alone, few steps")
    asked = parser.parse_args()
    if asked.quick:
        asked.stages, asked.steps = "detector", 3 * WARM_UP
    if asked.steps % WARM_UP or asked.steps <= WARM_UP:
        parser.error(f"--steps: expected a multiple of {WARM_UP} above it; found {asked.steps}")
    from jobs.train import configuration

    ratios: dict[str, float] = {}
    parts: dict[str, dict[str, float]] = {}
    titles = f"{'bare':>9}{'job':>9}{'ratio':>8}  {'spread':14}{'waiting':>9}{'start':>9}{'end':>9}"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        uri = write_training_shards(Path(folder) / "data", 200)
        print(f"{'samples/s':26}{titles}")
        for stage in asked.stages.split(","):
            config = configuration("tiny", stage, overrides=options_of(asked.steps))
            found, parts[stage] = measure(config, uri, Path(folder), asked.turns)
            print_stage(stage, found)
            ratios |= ratios_of(stage, found)
    print_parts(parts)
    goals = {f"{stage}: {pair}": goal for stage in parts for pair, goal in GOALS.items()}
    print(json.dumps({"name": "train", "ratios": ratios, "goals": goals}))


if __name__ == "__main__":
    main()
