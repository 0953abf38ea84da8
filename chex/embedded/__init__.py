"""The model that comes with Chex-Ray: trained on synthetic phantoms, so that everything can be tried without training."""

from __future__ import annotations

from pathlib import Path

PHANTOM = "phantom"  # what it is called wherever a model folder is asked for
NOTICE = "Trained on synthetic phantoms only. What it says about patients means nothing: for research and trials."


def phantom_folder() -> Path:
    """Its model folder, within this package."""
    return Path(__file__).with_name(PHANTOM)
