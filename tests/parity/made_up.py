"""A small made-up set for the tests of the program itself."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file


def write_set(folder: Path, cases: list[dict], file: str = "components") -> Path:
    """Cases as {"name", "inputs", "outputs", "grads", "kwargs", "extra"}, tensors as tensors → the folder."""
    tensors, entries = {}, []
    for case in cases:
        entry = {key: value for key, value in case.items() if key not in ("inputs", "outputs", "grads", "params")}
        for group in ("inputs", "outputs", "grads", "params"):
            entry[group] = {}
            for name, value in case.get(group, {}).items():
                if isinstance(value, torch.Tensor):
                    tensors[f"{case['name']}/{group}/{name}"] = value
                    value = {"tensor": f"{case['name']}/{group}/{name}"}
                elif value is not None:
                    value = {"value": value}
                entry[group][name] = value
        entries.append(entry)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{file}.json").write_text(json.dumps({"header": {"set": "made up"}, "cases": entries}))
    save_file(tensors or {"none": torch.zeros(1)}, folder / f"{file}.safetensors")
    return folder


def box_conversions(wrong: float = 0.0) -> dict:
    """A case that our code meets, or misses by `wrong` in one number."""
    boxes = torch.tensor([[0.5, 0.5, 0.2, 0.4], [0.2, 0.7, 0.1, 0.1]])
    corners = torch.tensor([[0.4, 0.3, 0.6, 0.7], [0.15, 0.65, 0.25, 0.75]])
    low, high = torch.tensor([[0.55, 0.0], [0.3, 0.25]]), torch.tensor([[1.0, 0.5], [0.7, 0.55]])  # moved and clipped
    clipped = torch.cat([(low + high) / 2, high - low], dim=-1)
    back = boxes.clone()
    back[0, 0] += wrong
    outputs = {"corners": corners, "back": back, "clipped": clipped}
    return {"name": "box_conversions", "inputs": {"boxes": boxes}, "outputs": outputs, "kwargs": {}}
