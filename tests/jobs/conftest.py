"""What the tests of jobs share."""

from __future__ import annotations

import pytest

from chex.metrics.meteor import MeteorMissing


@pytest.fixture(scope="package", autouse=True)
def without_java():
    """METEOR's program takes many seconds to start; its figures have a test of their own."""

    def missing() -> str:
        raise MeteorMissing("no Java here")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chex.metrics.meteor._java", missing)
        yield
