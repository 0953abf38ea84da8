"""Reads the ChEX authors' checkpoints: `python -m chex.model.official CHECKPOINT --output DIR`."""

from chex.model.official.checkpoint import read_checkpoint
from chex.model.official.conversion import DoesNotFit, convert
from chex.model.official.importing import import_checkpoint

__all__ = ["DoesNotFit", "convert", "import_checkpoint", "read_checkpoint"]
