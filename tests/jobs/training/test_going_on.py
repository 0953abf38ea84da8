"""A real stage goes on from a checkpoint as if nothing had happened, to the last digit."""

from __future__ import annotations

import random

import pytest

from chex import vocabulary
from chex.records import Annotations, Region
from chex.training_config import DataConfig, OptimizerConfig, TrainingConfig
from jobs.training.checkpoint import Checkpoints
from jobs.training.loop import run
from jobs.training.stages import stage_of
from pipelines.output_folder import OutputFolder
from tests.jobs.training.test_stages import RIGHT, VINDR, batch

STEPS, CUT = 8, 4
SAID = (
    "There is a {} pleural effusion.",
    "The heart is {} and enlarged.",
    "There is {} opacity in the right lung base.",
)
WORDS = ("small", "large", "moderate and new", "stable", "patchy", "subtle")


class Losses(dict):
    def metrics(self, step, values):
        self[step] = values["train/loss"]


def report(generator: random.Random) -> Annotations:
    sentences = tuple(generator.choice(SAID).format(generator.choice(WORDS)) for _ in range(3))
    return Annotations(sentences, anatomy=(Region("right lung", RIGHT, sentences[:1], ("cig/lung opacity",), True),))


def batches(start: int):
    for step in range(start, STEPS):
        generator = random.Random(step)
        yield batch(report(generator), report(generator), VINDR)


@pytest.mark.parametrize("name", ["detector", "sentences"])
def test_texts_are_encoded_together_as_in_a_run_that_was_not_interrupted(name, tiny_model_dir, tmp_path):
    config = TrainingConfig(
        stage=name, log_every=1, validate_every=0, checkpoint_every=CUT, data=DataConfig(image_size=128),
        optimizer=OptimizerConfig(warmup_steps=1, steps=STEPS),
    )  # fmt: skip

    def losses(**changes) -> Losses:
        stage, told = stage_of(name), Losses()
        model, objective = stage.build(config, "tiny", tiny_model_dir, "", vocabulary.load())
        checkpoints = Checkpoints(OutputFolder(str(tmp_path)), keep=2)
        run(
            config, stage, model, objective, batches=batches, validation=None, checkpoints=checkpoints,
            trackers=[told], **changes,
        )  # fmt: skip
        checkpoints.close()
        return told

    whole = losses()
    assert list(whole) == list(range(1, STEPS + 1))
    assert losses(start_step=CUT) == {step: loss for step, loss in whole.items() if step > CUT}
