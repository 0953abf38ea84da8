"""The model card (README.md) of a model folder, told from its configuration and provenance alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chex.model_config import ModelConfig

_ALSO_ASKED = {
    "most_hinted_findings": 'prompts that name a side ("left pleural effusion")',
    "most_phrases": "sentences of reports with the boxes of what they state",
}
TAGS = ("chex", "chest-x-ray", "radiology", "medical-imaging", "visual-grounding", "report-generation")
THRESHOLDS = {
    "class_temperature": "divides the difference of the similarities to the positive and the negative prompt",
    "nms_iou": "boxes of one question that overlap more are one box",
    "box_score": "boxes below it are not shown; the best one always is",
    "abnormal_probability": "anatomical regions below it are left out of reports",
    "normal_probability": "below it a report does not say that nothing is wrong",
    "same_sentence": "of two sentences more alike than this one goes",
    "similar_sentence": "the same, while a report has more sentences than most_sentences",
    "most_sentences": "",
}  # fmt: skip
PARTS = {
    "image_encoder": "image encoder", "prompt_encoder": "prompt encoder", "detector": "prompt detector",
    "post_decoder": "post decoder", "generator": "sentence generator",
}  # fmt: skip

_BODY = """
# {name}

A ChEX model (Müller et al., ECCV 2024, https://github.com/philip-mueller/chex): it takes a chest radiograph and questions,
each a text, a box or both, and answers each with boxes, the probabilities of findings and a sentence. Asked a set of
questions, it writes a report in which every sentence has its boxes.
{notice}
## How to use it

Everything needed lies in this folder: architecture and thresholds (`config.json`), weights (`model.safetensors`) and two
tokenizers. Nothing is downloaded and no code comes with it.

```python
from chex import Chex
from chex.inference.session import Session

session = Session(Chex.load("this/folder"))
```

Images are grayscale, {size} × {size} pixels ({fit}), normalised with mean {mean} and standard deviation {std}.

## Parts

| part | parameters |
|---|---|
{parts}

{attention}

## Thresholds

| name | value | meaning |
|---|---|---|
{thresholds}

## Where it comes from

{origin}

Weights: `sha256:{digest}`. Written by chex-ray {software}.

## Intended use and limits

For research on interactive and grounded reading of frontal chest radiographs of adults. **It is no medical device and
must not be used to diagnose or treat.** Its answers have not been validated by this card; sentences may state what the
image does not show and leave out what it shows, and boxes are rough. It answers about any image, also one that is no
chest radiograph. What it learned carries the habits and gaps of its training data: how one hospital images, whom it
images, and how its radiologists write. Measure it on your own patients before drawing any conclusion.

## Licence

{licence}
"""


def model_card(config: ModelConfig, provenance: Mapping[str, Any], parameters: Mapping[str, int]) -> str:
    """Markdown with a front matter that model hubs read. `parameters`: how many each part has."""
    licence = provenance.get("licence")
    front = ["---", "library_name: chex-ray", "pipeline_tag: image-to-text", "language: en", "tags:"]
    front += [f"- {tag}" for tag in TAGS]
    front += [f"license: {json.dumps(licence)}"] if licence else []
    preprocessing = config.preprocessing
    body = _BODY.format(
        name=_line(provenance.get("model_name", config.name)),
        notice=f"\n**{_line(notice)}**\n" if (notice := provenance.get("notice")) else "",
        size=config.image_encoder.image_size, fit=preprocessing.fit.replace("_", " "),
        mean=preprocessing.mean, std=preprocessing.std, parts=_parts(parameters), attention=_attention(config),
        thresholds="\n".join(
            f"| {name} | {value} | {THRESHOLDS.get(name, '')} |" for name, value in asdict(config.inference).items()
        ),
        origin=_origin(provenance), digest=provenance.get("weights_sha256", "unknown"),
        software=provenance.get("software_version", "unknown"),
        licence=_line(licence) if licence else "Not stated. Whoever publishes this folder chooses it, and first looks at "
        "what the licences of the\npretrained parts and the terms of the training data allow.",
    )  # fmt: skip
    return "\n".join([*front, "---"]) + "\n" + body


def _parts(parameters: Mapping[str, int]) -> str:
    rows = [f"| {PARTS.get(name, name)} | {count:,} |" for name, count in parameters.items()]
    return "\n".join([*rows, f"| together | {sum(parameters.values()):,} |"])


def _attention(config: ModelConfig) -> str:
    seen = {"prompt": "never sees the other prompts", "image": "sees all prompts asked together"}
    return (
        f"In the detector a prompt {seen[config.detector.attends_to]}, in the post decoder it "
        f"{seen[config.post_decoder.attends_to]}."
    )


def _origin(provenance: Mapping[str, Any]) -> str:
    told = []
    if imported := provenance.get("imported"):
        told.append(
            f"Converted from {_line(imported['what'])}, file `{_line(imported['file'])}` "
            f"(`sha256:{imported['sha256']}`), with the tokenizers of `{_line(imported['clip_tokenizer'])}` and "
            f"`{_line(imported['language_model'])}`."
        )
    if stages := provenance.get("training"):
        told.append("Trained in these stages:\n\n" + "\n".join(_stage(n, stage) for n, stage in enumerate(stages, 1)))
    return "\n\n".join(told) or "Its training is not recorded."


def _stage(number: int, stage: Mapping[str, Any]) -> str:
    started = "".join(
        f"; {name.replace('_', ' ')} from `{_line(source)}`" for name, source in (stage.get("pretrained") or {}).items()
    )
    told = f"{number}. {stage['stage']} (preset {_line(stage['preset'])}, at most {stage['steps']:,} steps{started})"
    asked = (stage.get("objective") or {}) if stage["stage"] == "detector" else {}
    for key, what in _ALSO_ASKED.items():
        if asked.get(key):
            told += f", {what} among those asked"
    datasets = (stage.get("data") or {}).get("images") or {}
    images = [f"{_line(name)} ({count:,} images)" for name, count in datasets.items()]
    return told + (f", on {', '.join(images)}" if images else "")


def _line(value: Any) -> str:
    """Text from outside cannot begin a heading, a table cell or code."""
    return " ".join(str(value).split()).replace("`", "'").replace("|", "/").replace("<", "‹")
