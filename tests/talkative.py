"""A random model that always has something to say: untrained generators often end a sentence before it starts."""

from __future__ import annotations

import copy
from pathlib import Path


def save_talkative(model, folder: Path, seed: int = 0) -> Path:
    """Saves a copy of the model whose generator has wide random weights; returns the folder."""
    import torch

    talkative = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in talkative.generator.parameters():
            if weights.dim() > 1:
                weights.normal_(std=0.3, generator=generator)
    talkative.save(folder)
    return folder
