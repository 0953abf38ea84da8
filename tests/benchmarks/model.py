"""How fast the model is beside a plain eager implementation of the same, with the same weights and the same answers.

python -m tests.benchmarks.model [--preset tiny|base] [--rows NAME,…] [--repeats N] [--device cpu|cuda] [--bf16]
"""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tests.benchmarks.alternating import Timed, alternately
from tests.benchmarks.kept_memory import keep_memory
from tests.benchmarks.model_rows import GOALS, Row, Rows

TOLERANCE = {False: 1e-4, True: 0.3}  # of float32, and under bf16 autocast, where only the order of magnitude is asked

Answer = tuple[object, dict[str, np.ndarray]]  # and the gradients that it left


@dataclass
class Bench:
    rows: Rows
    repeats: int | None
    bf16: bool

    def measure(self, row: Row) -> tuple[float, Timed]:
        """Largest difference between both answers, and the times."""
        # a single run is its own check; all others are warmed up by it, and a training step needs one without
        # dropout to be the same on both sides
        checked = row.training or (self.repeats or row.repeats) > 1
        difference = self._difference(row, *self._answers(row)) if checked else None
        for model in (self.rows.eager, self.rows.model):
            model.train(row.training)
            model.prompt_encoder.eval()
        eager, ours = (lambda m=m: self._ask(row, m) for m in (self.rows.eager, self.rows.model))
        timed = alternately(eager, ours, self.repeats or row.repeats, before=lambda: self._before(row))
        if difference is None:
            difference = self._difference(row, (timed.answers["eager"], {}), (timed.answers["ours"], {}))
        return difference, timed

    def _before(self, row: Row) -> None:
        for model in (self.rows.eager, self.rows.model):
            model.zero_grad(set_to_none=True)
        row.before()

    def _ask(self, row: Row, model) -> object:
        with ExitStack() as stack:
            if not row.training:
                stack.enter_context(torch.inference_mode())
            if self.bf16:
                stack.enter_context(torch.autocast(self.rows.model.device.type, torch.bfloat16))
            return row.run(model)

    def _answers(self, row: Row) -> list[Answer]:
        answers = []
        for model in (self.rows.eager, self.rows.model):
            model.eval()
            self._before(row)
            answers.append((self._ask(row, model), self._gradients()))
        return answers

    def _difference(self, row: Row, eager: Answer, ours: Answer) -> float:
        if isinstance(ours[0], Tensor):
            difference = max(float((eager[0].float() - ours[0].float()).abs().max()), _largest(eager[1], ours[1]))
        else:
            # in half precision a word may be another one: the lengths are forced, so the work stays the same
            difference = 0.0 if eager[0] == ours[0] or self.bf16 else float("inf")
        if not difference <= TOLERANCE[self.bf16]:
            raise SystemExit(f"{row.name}: both must give the same; they differ by {difference:.2g}")
        return difference

    def _gradients(self) -> dict[str, np.ndarray]:
        """Of the weights that both models share."""
        named = self.rows.model.named_parameters()
        return {name: p.grad.float().cpu().numpy().copy() for name, p in named if p.grad is not None}


def _largest(eager: dict[str, np.ndarray], ours: dict[str, np.ndarray]) -> float:
    shared = eager.keys() & ours.keys()
    return max((float(np.abs(eager[name] - ours[name]).max()) for name in shared), default=0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=("tiny", "base"), default="base")
    parser.add_argument("--rows", default="", help="names or beginnings of names, separated by commas")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true")
    asked = parser.parse_args()
    keep_memory()
    bench = Bench(Rows(asked.preset, asked.device), asked.repeats, asked.bf16)
    wanted = tuple(filter(None, asked.rows.split(",")))
    ratios: dict[str, float] = {}
    goals = GOALS if asked.preset == "base" and asked.device == "cpu" else {}
    print(f"{'':30}{'eager':>10}{'ours':>10}{'ratio':>8}{'goal':>6}   largest difference")
    bench.rows.warm_up()
    for row in bench.rows:
        if wanted and not row.name.startswith(wanted):
            continue
        difference, timed = bench.measure(row)
        ratios[row.name] = round(timed.ratio, 2)
        goal = f"{goals[row.name]:6.1f}" if row.name in goals else " " * 6
        seconds = f"{min(timed.eager):9.3f}s{min(timed.ours):9.3f}s"
        print(f"{row.name:30}{seconds}{timed.ratio:8.2f}{goal}   {difference:.1e}", flush=True)
    asked_for = {name: goal for name, goal in goals.items() if name in ratios}
    print(json.dumps({"name": "model", "ratios": ratios, "goals": asked_for}))


if __name__ == "__main__":
    main()
