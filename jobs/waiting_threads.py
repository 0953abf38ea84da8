"""How long torch's threads that wait for one another keep their cores before they sleep."""

from __future__ import annotations

import os

# Rounds of GNU's OpenMP. Batches are made on the same cores: with its own 300,000 training falls to a third while that
# lasts. With none at all (OMP_WAIT_POLICY=PASSIVE) it is a fifth slower as long as nobody else wants the cores.
SPINS = "1000"


def wait_briefly() -> None:
    """Read when torch is imported, so to be called before. What the environment says of it already stays."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
