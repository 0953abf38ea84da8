"""The same model, objective and optimizer in a bare PyTorch loop, its batches in memory: in a process of its own."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Self
from unittest.mock import patch

from chex.training_config import TrainingConfig

# where a step's time goes; what one of them calls of another counts for the inner one
PARTS = {
    "image encoder": ["chex.model.chex.Chex.encode_images"],
    "text features": ["chex.model.chex.Chex.text_features"],
    "detector": ["chex.model.chex.Chex.detect", "chex.model.chex.Chex.describe_boxes"],
    "post decoder": ["chex.model.chex.Chex.refine"],
    "sentence generator": ["chex.model.sentence_generator.SentenceGenerator.forward"],
    "targets": [
        "jobs.training.stages.detector.pathology_targets",
        "jobs.training.stages.detector.anatomy_targets",
        "jobs.training.stages.detector.sentence_targets",
        "jobs.training.stages.post_decoder.anatomy_targets",
        "jobs.training.stages.post_decoder.sentence_targets",
        "jobs.training.stages.post_decoder.finding_sentences",
    ],
    "matching": ["chex.losses.boxes.match"],
}


PROFILED = 8  # steps


@dataclass(frozen=True)
class Measured:
    """Seconds of the steps after the warm-up, and the loss of every step."""

    seconds: float
    losses: list[float]
    making: float  # seconds of one core that making a step's batch took


class BareLoop:
    """Asks its process, which has made the model and read the batches before the block runs and is idle in between."""

    def __init__(self, config: TrainingConfig, uri: str, *, warm_up: int, threads: int) -> None:
        self._connection, other = get_context("spawn").Pipe()
        arguments = (other, config, uri, warm_up, threads)
        self._process = get_context("spawn").Process(target=_serve, args=arguments, daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self._connection.recv()
        return self

    def __exit__(self, *_) -> None:
        self._process.terminate()
        self._process.join()

    def measure(self) -> Measured:
        """All steps of the configuration, from the same weights every time."""
        self._connection.send("measure")
        return self._connection.recv()

    def parts(self) -> dict[str, float]:
        """Seconds per step by PARTS, and what is left of forward, backward and optimizer."""
        self._connection.send("parts")
        return self._connection.recv()


def _serve(connection: Connection, config: TrainingConfig, uri: str, warm_up: int, threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
    loop = _Loop(config, uri, warm_up)
    connection.send("ready")
    while True:
        connection.send(getattr(loop, connection.recv())())


class _Loop:
    def __init__(self, config: TrainingConfig, uri: str, warm_up: int) -> None:
        from chex import vocabulary
        from jobs.training.stages import stage_of
        from pipelines.batches import training_batches

        self.config, self.warm_up = config, warm_up
        stage = stage_of(config.stage)
        self.model, self.objective = stage.build(config, "tiny", None, uri, vocabulary.load())
        self.weights = {name: value.clone() for name, value in self.model.state_dict().items()}
        needs = ("anatomy",) if stage.needs_anatomy else ()
        feed = training_batches(
            uri, data=config.data, augmentation=config.augmentation, steps=config.optimizer.steps, seed=config.seed,
            needs=needs,
        )  # fmt: skip
        list(islice(feed, 1))  # what is loaded and computed once is no part of it
        began = time.thread_time()
        self.batches = list(feed)
        self.making = (time.thread_time() - began) / len(self.batches)

    def measure(self) -> Measured:
        step, losses = self._stepper(), []
        for number, batch in enumerate(self.batches):
            if number == self.warm_up:
                began = time.perf_counter()
            losses.append(step(number, batch))
        return Measured(time.perf_counter() - began, [float(loss) for loss in losses], self.making)

    def _stepper(self) -> Callable:
        """What does one step and gives its loss; draws, rates and clipping are those of the job."""
        import numpy as np
        import torch

        from jobs.training.schedule import learning_rate

        model, c = self.model, self.config.optimizer
        model.load_state_dict(self.weights)
        optimizer = torch.optim.AdamW(
            self.objective.trainable(model), lr=c.lr, betas=c.betas, weight_decay=c.weight_decay, fused=True
        )
        parameters = [weight for group in optimizer.param_groups for weight in group["params"]]

        def step(number: int, batch):
            dropout, asked = np.random.SeedSequence((self.config.seed, number, 0)).generate_state(2, np.uint64) >> 1
            torch.manual_seed(int(dropout))
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(c, number)
            optimizer.zero_grad()
            loss = self.objective(model, batch, torch.Generator().manual_seed(int(asked)))["loss"]
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, c.clip_norm)
            optimizer.step()
            return loss.detach()

        return step

    def parts(self) -> dict[str, float]:
        step, clock = self._stepper(), _Clock()
        for number, batch in enumerate(self.batches[: self.warm_up]):
            step(number, batch)
        outer = {
            "backward": ["torch.Tensor.backward"],
            "clipping and optimizer": ["torch.optim.AdamW.step", "torch.nn.utils.clip_grad_norm_"],
            "losses and the rest": [f"{type(self.objective).__module__}.Objective.__call__"],
        }
        with ExitStack() as stack:
            for name, targets in {**PARTS, **outer}.items():
                for target in targets:
                    stack.enter_context(clock.watches(target, name))
            some = self.batches[self.warm_up : self.warm_up + PROFILED]
            for number, batch in enumerate(some):
                step(number, batch)
        return {name: clock.seconds[name] / len(some) for name in {**PARTS, **outer} if clock.seconds[name]}


class _Clock:
    """Seconds spent in watched functions, without those in other watched ones that they call."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inner: list[float] = [0.0]

    @contextmanager
    def watches(self, target: str, name: str) -> Iterator[None]:
        from pkgutil import resolve_name

        place, _, function = target.rpartition(".")
        owner = resolve_name(place)
        if not hasattr(owner, function):  # a stage may have no such part
            yield
            return
        original = getattr(owner, function)

        def timed(*arguments, **options):
            began = time.perf_counter()
            self._inner.append(0.0)
            try:
                return original(*arguments, **options)
            finally:
                whole, inner = time.perf_counter() - began, self._inner.pop()
                self.seconds[name] += whole - inner
                self._inner[-1] += whole

        with patch.object(owner, function, timed):
            yield
