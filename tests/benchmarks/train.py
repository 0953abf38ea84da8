"""Samples per second of whole training jobs beside a bare PyTorch loop over the same batches in memory.

python -m tests.benchmarks.train [--stages detector,generator] [--sides in_process,one_worker,two_workers]
    [--steps 40] [--turns 1] [--threads N] [--quick]

The jobs are commands as a person gives them, with journal, tracking and checkpoint: in process (--workers 0), on Ray
Train with one worker and with two workers, which share the batch. --threads is what each process computes with, by
default all cores but one: batches are made on that one, as they are beside a GPU. With all cores there is nowhere to
hide them. The rates are by the journal's clock, after a warm-up; before and after each job the bare loop does the same
steps with as many threads, as a machine's own speed may change by a tenth within minutes, and a job is set beside the
mean of both. Its losses must be the jobs', but for two workers, whose batches are others.

In process, batches are made while others are used, from the first to the last. Ray makes them as early as there is
room, so a short run has most of them before its rate counts: "data paid" is what is left of the ratio if making them
took its full time away from training.
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
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chex.training_config import TrainingConfig
from tests.benchmarks.bare_training import BareLoop, Measured
from tests.benchmarks.training_shards import write_training_shards

WARM_UP = 4  # steps, and those between two lines of the journal
SIDES = {"in_process": 0, "one_worker": 1, "two_workers": 2}
GOALS = {"in_process / bare": 0.95, "one_worker / bare": 0.95}
TOLERANCE = 1e-3  # relative, of the mean loss of the last steps
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Job:
    """What a command did. Rate in samples/s; `waited` is the share of its steps in which the data was waited for."""

    rate: float
    waited: float
    start: float  # seconds until the first step was done
    end: float  # seconds after the last one: validation, checkpoint, model
    loss: float


@dataclass
class Turns:
    """Of one stage: the bare loop before the first job and after each, and jobs' rates over the loop's around them."""

    batch_size: int
    bare: list[Measured]
    over_bare: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, side: str, job: Job, bare: Measured) -> None:
        """A job, and the bare loop after it."""
        self.bare.append(bare)
        self.over_bare[side].append(job.rate / statistics.mean(self.bare_rates()[-2:]))

    def bare_rates(self) -> list[float]:
        """Samples/s."""
        return [(len(bare.losses) - WARM_UP) * self.batch_size / bare.seconds for bare in self.bare]

    def making(self) -> float:
        """What making the batches takes, as a share of what all cores do in the time of the bare loop's steps."""
        return self.bare[0].making / CORES * statistics.median(self.bare_rates()) / self.batch_size


def options_of(steps: int, threads: int) -> list[str]:
    lengths = [f"optimizer.steps={steps}", f"optimizer.warmup_steps={steps}", f"log_every={WARM_UP}"]
    return [*lengths, f"threads={threads}"]


def run_job(config: TrainingConfig, uri: str, output: Path, workers: int) -> Job:
    """Runs `python -m jobs.train` and reads its journal. Raises RuntimeError where it fails."""
    command = [sys.executable, "-m", "jobs.train", "--stage", config.stage, "--data", uri, "--preset", "tiny"]
    command += ["--output", str(output), "--workers", str(workers)]
    command += [part for option in options_of(config.optimizer.steps, config.threads) for part in ("--set", option)]
    began = time.time()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ended = time.time()
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stderr}")
    journal = (output.parent / f"{output.name}.training" / "journal.jsonl").read_text(encoding="utf-8")
    steps = [line for line in map(json.loads, journal.splitlines()) if "train/loss" in line]
    warm = next(number for number, line in enumerate(steps) if line["step"] == WARM_UP)
    counted, last = steps[warm + 1 :], steps[-1]
    samples = (last["step"] - WARM_UP) * config.data.batch_size
    waited = sum(line["data_wait_seconds"] for line in counted) / sum(line["seconds_per_step"] for line in counted)
    return Job(
        samples / (last["time"] - steps[warm]["time"]),
        waited,
        steps[0]["time"] - began,
        ended - last["time"],
        last["train/loss"],
    )


def measure(
    config: TrainingConfig, uri: str, folder: Path, sides: Sequence[str], turns: int
) -> tuple[Turns, dict[str, float]]:
    """One stage, its jobs printed as they come, and the parts of a bare step in seconds."""
    with BareLoop(config, uri, warm_up=WARM_UP, threads=config.threads) as loop:
        found = Turns(config.data.batch_size, [loop.measure()])
        print_bare(config.stage, found)
        for turn in range(turns):
            for side in sides:
                job = run_job(config, uri, folder / f"{config.stage}-{side}-{turn}", SIDES[side])
                if SIDES[side] < 2:
                    check_loss(f"{config.stage}, {side}", job, found.bare[-1])
                print(
                    f"{config.stage:12}{side:14}{job.rate:10.1f}{job.waited:10.1%}{job.start:10.1f}{job.end:10.1f}",
                    flush=True,
                )
                found.add(side, job, loop.measure())
                print_bare(config.stage, found)
        return found, loop.parts()


def print_bare(stage: str, found: Turns) -> None:
    print(f"{stage:12}{'bare':14}{found.bare_rates()[-1]:10.1f}", flush=True)


def check_loss(name: str, job: Job, bare: Measured) -> None:
    wanted = statistics.mean(bare.losses[-WARM_UP:])
    if not abs(job.loss - wanted) <= TOLERANCE * abs(wanted):
        raise SystemExit(f"{name}: both must learn the same; the last losses are {job.loss:.6g} and {wanted:.6g}")


def ratios_of(stage: str, found: Turns) -> dict[str, list[float]]:
    """Every turn's ratios by name."""
    ratios = {f"{side} / bare": turns for side, turns in found.over_bare.items()}
    if one := found.over_bare.get("one_worker"):
        paid = 1 / (1 + found.making())
        ratios["one_worker / bare, data paid"] = [ratio * paid for ratio in one]
        if two := found.over_bare.get("two_workers"):
            ratios["two_workers / one_worker"] = [both / alone for both, alone in zip(two, one)]
    return {f"{stage}: {name}": turns for name, turns in ratios.items()}


def print_ratios(ratios: dict[str, list[float]], goals: dict[str, float]) -> None:
    print(f"\n{'ratio':44}{'median':>8}{'goal':>7}   all turns")
    for name, turns in ratios.items():
        goal = f"{goals[name]:7.2f}" if name in goals else " " * 7
        print(f"{name:44}{statistics.median(turns):8.3f}{goal}   {' '.join(f'{ratio:.3f}' for ratio in turns)}")


def print_parts(stage: str, parts: dict[str, float], found: Turns) -> None:
    print(f"\n{stage}: milliseconds of a bare step")
    whole = sum(parts.values())
    for name, value in parts.items():
        print(f"  {name:26}{1000 * value:9.1f}{value / whole:8.1%}")
    print(f"  {'beside: making the batch':26}{1000 * found.bare[0].making:9.1f}   of one core, "
          f"{found.making():.1%} of all cores' time")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stages", default="detector,generator", help="separated by commas")
    parser.add_argument("--sides", default=",".join(SIDES), help="which jobs beside the bare loop")
    parser.add_argument("--steps", type=int, default=40, help=f"of a run, the first {WARM_UP} not counted")
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--threads", type=int, default=max(1, CORES - 1), help="of each process and of the bare loop")
    parser.add_argument("--quick", action="store_true", help="the detector alone, few steps")
    asked = parser.parse_args()
    if asked.quick:
        asked.stages, asked.steps = "detector", 3 * WARM_UP
    if asked.steps % WARM_UP or asked.steps <= WARM_UP:
        parser.error(f"--steps: expected a multiple of {WARM_UP} above it; found {asked.steps}")
    sides = asked.sides.split(",")
    if unknown := sorted(set(sides) - set(SIDES)):
        parser.error(f"--sides: expected some of {', '.join(SIDES)}; found {', '.join(unknown)}")
    from jobs.train import configuration

    ratios: dict[str, list[float]] = {}
    stages: dict[str, tuple[Turns, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        uri = write_training_shards(Path(folder) / "data", 200)
        print(f"{'':26}{'samples/s':>10}{'waiting':>10}{'start s':>10}{'end s':>10}")
        for stage in asked.stages.split(","):
            config = configuration("tiny", stage, overrides=options_of(asked.steps, asked.threads))
            stages[stage] = measure(config, uri, Path(folder), sides, asked.turns)
            ratios |= ratios_of(stage, stages[stage][0])
    goals = {name: goal for name in ratios if (goal := GOALS.get(name.partition(": ")[2]))}
    print_ratios(ratios, goals)
    for stage, (found, parts) in stages.items():
        print_parts(stage, parts, found)
    medians = {name: round(statistics.median(turns), 3) for name, turns in ratios.items()}
    print(json.dumps({"name": "train", "ratios": medians, "goals": goals}))


if __name__ == "__main__":
    main()
