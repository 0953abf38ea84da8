"""How much of the model's own rate an evaluation reaches, and how long the bootstrap of every task's figures takes.

python -m tests.benchmarks.evaluate --model DIR --data URI [--tasks NAME,…] [--images 96] [--repeats 3] [--device cpu|cuda]

"bare": the very calls of the model that the tasks make, again, over the same decoded batches, and nothing else. "ours":
the tasks on these batches, and the rows written. Rows are repeated up to --samples for the bootstrap.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from jobs.evaluation.model_source import session_factory
from jobs.evaluation.parts import DecodedBatch, batches_of, parts_of
from jobs.evaluation.predicting import predict_batch
from jobs.evaluation.predictions import Predictions
from jobs.evaluation.task import EvaluationTask, Row, SpreadOf
from jobs.evaluation.tasks import chosen, create
from pipelines.output_folder import OutputFolder
from tests.benchmarks.alternating import alternately

SHARE, SECONDS = 0.9, 60.0


class Recorded:
    """A session that keeps the calls of its parts, to be made again."""

    def __init__(self, session: Any) -> None:
        self.calls: list[partial] = []
        for name in ("reader", "writer", "reports"):
            setattr(self, name, _Part(getattr(session, name), self.calls))
        self.encode = self.reader.encode


class _Part:
    def __init__(self, part: Any, calls: list[partial]) -> None:
        self._part, self._calls = part, calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if not callable(found):
            return found

        def call(*arguments, **named):
            self._calls.append(partial(found, *arguments, **named))
            return found(*arguments, **named)

        return call


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.evaluate", description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--tasks", default="all")
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--samples", type=int, default=3000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args(arguments)
    tasks = {name: create(name) for name in chosen(asked.tasks)}
    for task in tasks.values():
        task.starts_programs = False  # Java's time is not the bootstrap's
    session = session_factory(asked.model)(asked.device)
    batches = _batches(asked, tasks)
    recorded = Recorded(session)
    rows = _joined(predict_batch(tasks, recorded, batch.samples, batch.images) for batch in batches)
    share = _share(asked, tasks, session, batches, recorded.calls)
    seconds = _bootstrap(asked, tasks, rows)
    print(f"bootstrap of all tasks: {seconds:.1f} s of one core (goal: at most {SECONDS:.0f} s)")
    ratios = {"share_of_bare_rate": round(share, 3), "bootstrap_seconds": round(seconds, 1)}
    print(json.dumps({"name": "evaluate", "ratios": ratios, "goals": {"share_of_bare_rate": SHARE}}))
    return 0


def _batches(asked: argparse.Namespace, tasks: Mapping[str, EvaluationTask]) -> list[DecodedBatch]:
    parts = parts_of(asked.data, asked.split, asked.batch_size)
    every = (batch for part in parts for batch in batches_of(part, tuple(tasks.values()), asked.batch_size))
    return list(itertools.islice((batch for batch in every if batch.samples), -(-asked.images // asked.batch_size)))


def _joined(found: Any) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for batch in found:
        for name, some in batch.items():
            rows.setdefault(name, []).extend(some)
    return rows


def _share(asked: argparse.Namespace, tasks, session, batches: Sequence[DecodedBatch], calls: list[partial]) -> float:
    def bare() -> None:
        for call in calls:
            call()

    with tempfile.TemporaryDirectory() as folder:
        predictions = Predictions(OutputFolder(folder))

        def ours() -> None:
            for number, batch in enumerate(batches):
                rows = predict_batch(tasks, session, batch.samples, batch.images)
                predictions.write_part(asked.split, f"part-{number:05d}", rows)

        # on the CPU, whatever else the machine does falls on neither
        clock = time.perf_counter if asked.device == "cuda" else time.process_time
        timed = alternately(bare, ours, asked.repeats, before=lambda: None, clock=clock)
    images = sum(len(batch.samples) for batch in batches)
    rates = [f"{name} {images / min(seconds):.2f}" for name, seconds in (("bare", timed.eager), ("ours", timed.ours))]
    print(f"{images} images; images a second: {', '.join(rates)}; share {timed.ratio:.3f} (goal: {SHARE})")
    return timed.ratio


def _bootstrap(asked: argparse.Namespace, tasks: Mapping[str, EvaluationTask], rows: Mapping[str, list[Row]]) -> float:
    total = 0.0
    print(f"{asked.draws} draws of {asked.samples} samples: seconds of one core, figures without and with their spread")
    for name, task in tasks.items():
        if not rows.get(name):
            print(f"{name:32} no sample of these images")
            continue
        repeated = list(itertools.islice(itertools.cycle(rows[name]), asked.samples))
        plain, spread = (_seconds(task, repeated, draws) for draws in (0, asked.draws))
        total += max(0.0, spread - plain)
        print(f"{name:32} {plain:8.1f} {spread:8.1f}", flush=True)
    return total


def _seconds(task: EvaluationTask, rows: list[Row], draws: int) -> float:
    began = time.process_time()
    task.figures(rows, SpreadOf(draws))
    return time.process_time() - began


if __name__ == "__main__":
    raise SystemExit(main())
