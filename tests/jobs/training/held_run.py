"""The train command on the made-up stage, whose validations wait until they may pass: where a test kills it is no chance.

python -m tests.jobs.training.held_run OUTPUT ARGUMENTS OF jobs.train
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

import torch

from jobs.training.journal import read_journal
from jobs.training.validation import Validated
from pipelines.output_folder import OutputFolder
from tests.jobs.training.made_up_stage import MadeUpStage
from tests.waiting import wait_for

SETTINGS = """
log_every: 5
validate_every: 10
checkpoint_every: 7
watch: loss
data: {batch_size: 8, image_size: 32, shuffle_buffer: 16}
augmentation: {flip: 0.0}
optimizer: {lr: 0.001, warmup_steps: 3, steps: 25, average: 0.9, accumulate: 2}
"""


class Gates:
    """Where a run waits in its validations, and whoever watches it lets it pass; a folder beside the run's own."""

    def __init__(self, output: Path) -> None:
        self.work, self.folder = output.with_name(f"{output.name}.training"), output.with_name(f"{output.name}.gates")

    def wait(self) -> None:
        """In the run: says which process has come to which step, and waits for leave to go on."""
        step = read_journal(OutputFolder(str(self.work)))[-1]["step"]
        self.folder.mkdir(exist_ok=True)
        told = self.folder / f"held-{step}"
        told.with_suffix(".new").write_text(str(os.getpid()))
        told.with_suffix(".new").rename(told)
        wait_for((self.folder / f"pass-{step}").exists, f"leave to pass step {step}")

    def held(self, step: int, checkpoint: int) -> int:
        """Outside: the process that waits after `step`, once the checkpoint before it is complete."""
        told, kept = self.folder / f"held-{step}", self.work / "checkpoints" / f"step-{checkpoint:09d}.pt"
        wait_for(lambda: told.exists() and kept.exists(), f"the run to come to step {step}")
        return int(told.read_text())

    def let_pass(self, *steps: int) -> None:
        self.folder.mkdir(exist_ok=True)
        for step in steps:
            (self.folder / f"pass-{step}").touch()


class HeldStage(MadeUpStage):
    """Its validation after a step says which process leads, and waits for leave to go on."""

    trained = ("weight", "bias")

    def __init__(self, name: str, *, gates: Gates) -> None:
        super().__init__(name)
        self.gates = gates

    def validate(self, model, objective, batches, tasks=()):
        if not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0:
            self.gates.wait()  # the others wait for the one that leads
        found = super().validate(model, objective, batches, tasks)
        return Validated({"loss": 1 - found.figures["accuracy"]})


def main(output: str, *arguments: str) -> int:
    from jobs import train
    from jobs.training import stages

    stages.stage_of = partial(HeldStage, gates=Gates(Path(output)))
    return train.main(["--stage", "detector", "--output", output, "--tracking-uri", "none", *arguments])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
