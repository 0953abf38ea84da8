"""Reads the ChEX authors' checkpoints: `python -m chex.model.official CHECKPOINT --output DIR`."""

from chex.model.official.checkpoint import read_checkpoint
from chex.model.official.conversion import DoesNotFit, convert

__all__ = ["DoesNotFit", "convert", "read_checkpoint"]
