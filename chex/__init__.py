"""Chex-Ray: interactive, grounded reading of chest X-rays. This package knows no Ray."""

from __future__ import annotations

__version__ = "0.1.0"


def __getattr__(name: str):
    # torch is heavy: `import chex` in a data worker must not pay for it
    if name == "Chex":
        from chex.model.chex import Chex

        return Chex
    raise AttributeError(f"module 'chex' has no attribute {name!r}")
