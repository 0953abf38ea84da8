"""The base preset at full size with random weights, on this machine: built, asked, trained for one step, written with.

python -m tests.benchmarks.base_preset [--stages detector,generator] [--folder DIR]    (10 GB of memory; minutes)
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

# Counted by formula in tests/chex/model/test_base_preset.py
PARAMETERS = {
    "image_encoder": 87_849_216, "prompt_encoder": 63_428_096, "detector": 28_134_405, "post_decoder": 12_620_801,
    "generator": 859_436_032,
}  # fmt: skip
QUESTIONS = ("pleural effusion", "no pneumothorax", "right lung", "heart")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stages", default="detector", help="whose training step is taken, with commas between")
    parser.add_argument("--folder", type=Path, help="also save the model there (4.2 GB), load it and compare")
    arguments = parser.parse_args()
    from chex import vocabulary

    seconds: dict[str, float] = {}
    terms = vocabulary.load()
    model = timed("build", seconds, lambda: built(terms))
    wrong = [name for name, part in model.named_children() if count(part) != PARAMETERS[name]]
    for name, part in model.named_children():
        print(f"{name:16}{count(part):>15,} parameters, expected {PARAMETERS[name]:>15,}")
    pixels = torch.randint(0, 256, (1, 224, 224), dtype=torch.uint8)
    with torch.inference_mode():
        refined = timed("forward", seconds, lambda: forward(model, pixels))
        sentences = timed("generate 2 sentences of 16 tokens", seconds, lambda: model.write(refined, max_tokens=16))
    problems = [f"parameters of {name}" for name in wrong]
    problems += [] if torch.isfinite(refined).all() and len(sentences) == 2 else ["answers"]
    for stage in arguments.stages.split(","):
        loss, change = timed(f"training step, {stage}", seconds, partial(trained, model, stage, pixels, terms))
        print(f"{stage}: loss {loss:.4f}, largest change of a weight {change:.2e}")
        problems += [] if math.isfinite(loss) and change > 0 else [f"training step of {stage}"]
    if arguments.folder:
        problems += [] if kept(model, arguments.folder, seconds) else ["saved weights"]
    for name, value in seconds.items():
        print(f"{name:40}{value:8.1f} s")
    print(f"{'peak memory':40}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:8.1f} GiB")
    print(json.dumps({"name": "base_preset", "ratios": {"parts_as_in_the_paper": 1 - len(wrong) / len(PARAMETERS)},
                      "goals": {"parts_as_in_the_paper": 1}, "problems": problems}))  # fmt: skip
    return 1 if problems else 0


def timed(name: str, seconds: dict[str, float], action: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    result = action()
    seconds[name] = time.perf_counter() - began
    return result


def built(terms):
    """The preset as it is; only the tokenizers know fewer words than there are rows for."""
    from chex import Chex
    from chex.model.tokenizer import Tokenizer
    from chex.model_config import base

    texts = [text for term in terms.findings.values() for text in (*term.positive, *term.negative)]
    prompts, sentences = (Tokenizer.train(texts, 400, lowercase=lowercase) for lowercase in (True, False))
    torch.manual_seed(0)
    model = Chex(base(), prompt_tokenizer=prompts, sentence_tokenizer=sentences).eval()
    torch.nn.init.constant_(model.post_decoder.gate, 0.5)  # at 0 the post decoder would say nothing
    return model


def forward(model, pixels: torch.Tensor) -> torch.Tensor:
    """Image, four questions, boxes, refined tokens of the first two (2, D)."""
    images = model.encode_images(pixels)
    found = model.detect(images, model.text_features(QUESTIONS)[None])
    return model.refine(images, found)[0, :2]


def trained(model, stage: str, pixels: torch.Tensor, terms) -> tuple[float, float]:
    """One step of a stage on two made-up studies: the loss, and how far the weight moved that moved most."""
    from chex.records import Annotations, PathologyBox, PathologyLabel, Region, Sample, Study
    from jobs.train import configuration
    from jobs.training.stages import stage_of

    config = dataclasses.replace(configuration("base", stage), precision="fp32")
    lung = Region("right lung", (0.1, 0.1, 0.5, 0.9), ("Opacity in the right lung.",), ("cig/lung opacity",), True)
    annotations = (
        Annotations(sentences=("No pleural effusion.",), anatomy=(lung,)),
        Annotations(pathology_labels=(PathologyLabel("vindr/Pleural effusion", 1),),
                    pathology_boxes=(PathologyBox("vindr/Pleural effusion", lung.box, 3),)),
    )  # fmt: skip
    samples = [Sample(Study("made-up", "train", str(i), str(i), str(i), ""), a, b"", 224, 224, 224, 224)
               for i, a in enumerate(annotations)]  # fmt: skip
    objective = stage_of(stage).objective(config, model, terms)
    batch = {"images": pixels.expand(2, -1, -1).numpy(), "samples": samples}
    weights = objective.trainable(model)
    loss = objective(model, batch, torch.Generator().manual_seed(0))["loss"]
    loss.backward()
    # plain gradient descent: Adam's two moments of 872 million weights would need 7 GB more
    largest = max(float(weight.grad.abs().max()) for weight in weights if weight.grad is not None)
    torch.optim.SGD(weights, lr=config.optimizer.lr).step()
    model.zero_grad(set_to_none=True)
    model.eval()
    return float(loss.detach()), largest * config.optimizer.lr


def kept(model, folder: Path, seconds: dict[str, float]) -> bool:
    """True if the saved model is the same in every weight."""
    from chex import Chex

    timed("save", seconds, lambda: model.save(folder))
    loaded = timed("load", seconds, lambda: Chex.load(folder))
    again = loaded.state_dict()
    return all(torch.equal(weight, again[name]) for name, weight in model.state_dict().items())


def count(part: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in part.parameters())


if __name__ == "__main__":
    sys.exit(main())
