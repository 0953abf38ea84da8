"""A stage small enough for tests: a line that learns which half of a made-up image is bright."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from jobs.training.validation import Validated


class BrightHalf(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.2)
        self.line = nn.Linear(32 * 32, 1)
        self.frozen = nn.Linear(2, 2).requires_grad_(False)

    def forward(self, images):
        return self.line(self.dropout(images.flatten(1))).squeeze(1)


class Objective:
    def __init__(self, processes=1):
        self.processes = processes

    def __call__(self, model, batch, generator):
        images = torch.as_tensor(batch["images"]).float() / 255 - 0.3
        noise = torch.randn(images.shape, generator=generator) * 0.05
        wanted = [s.annotations.pathology_labels[0].value for s in batch["samples"]]
        loss = nn.functional.binary_cross_entropy_with_logits(model(images + noise), torch.tensor(wanted).float())
        size = model.line.weight.square().sum()
        return {"side": loss, "size": size, "loss": (loss + 1e-4 * size) / self.processes}

    def trainable(self, model):
        return [{"part": "weight", "params": [model.line.weight]}, {"part": "bias", "params": [model.line.bias]}]


class PoisonedObjective(Objective):
    """Gives NaN where a certain sample is in the batch."""

    def __call__(self, model, batch, generator):
        parts = super().__call__(model, batch, generator)
        if any(s.study.image_id == "00013" for s in batch["samples"]):
            parts["side"] = parts["side"] * float("nan")
            parts["loss"] = parts["loss"] * float("nan")
        return parts


class MadeUpStage:
    needs_images, needs_anatomy = True, False
    objective = Objective

    def __init__(self, name: str) -> None:
        self.name = name

    def build(self, config, preset, init, data_uri, vocabulary, pretrained=None, process=None):
        torch.manual_seed(config.seed)
        return BrightHalf(), self.objective(process.size if process else 1)

    def validate(self, model, objective, batches, tasks=()):
        model.eval()
        right = total = 0
        with torch.inference_mode():
            for batch in batches:
                said = model(torch.as_tensor(batch["images"]).float() / 255 - 0.3) > 0
                wanted = [s.annotations.pathology_labels[0].value == 1 for s in batch["samples"]]
                right += int((said == torch.tensor(wanted)).sum())
                total += len(wanted)
        model.train()
        return Validated({"accuracy": right / total})

    def pictures(self, model, objective, batches):
        return {"first": Image.fromarray(next(iter(batches))["images"][0])}

    def save(self, model, folder):
        folder.mkdir(parents=True)
        save_file(model.state_dict(), folder / "model.safetensors")
        (folder / "config.json").write_text("{}")


class PoisonedStage(MadeUpStage):
    objective = PoisonedObjective


class KilledOnceStage(MadeUpStage):
    """The first process that validates is killed."""

    trained = ("weight", "bias")

    def __init__(self, name: str, *, marker: Path) -> None:
        super().__init__(name)
        self.marker = marker

    def validate(self, model, objective, batches, tasks=()):
        if not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().validate(model, objective, batches, tasks)
