"""Fixtures every room's tests share: the reference material beside the checkout, and one small Ray."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_DATA_USE_DATASOURCE_V2", "0")
os.environ.setdefault("RAY_AUTH_MODE", "disabled")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material beside the checkout (real images, recorded numbers)."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("no reference material: the folder `shared` does not lie beside this checkout")
    return folder


@pytest.fixture(scope="session")
def ray_local():
    """One small Ray for the whole test session; the jobs under test find it running."""
    import ray

    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=200 * 2**20,
        log_to_driver=False,
    )
    yield ray
    ray.shutdown()
