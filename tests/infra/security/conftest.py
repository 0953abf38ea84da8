"""The set-up of one machine, as README.md has it, with infra/serve.yaml deployed to it."""

from __future__ import annotations

import secrets

import pytest

from tests.infra.security.documented_ray import DocumentedRay, documented_ray, of_one_machine
from tests.serve.security.guarded_app import LINES

# what jobs are given by the environment of whoever starts Ray
GIVEN = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "MLFLOW_TRACKING_PASSWORD", "DICOMWEB_PASSWORD")


@pytest.fixture(scope="package")
def given() -> dict[str, str]:
    return {name: secrets.token_hex(16) for name in GIVEN}


@pytest.fixture(scope="package")
def one_machine(tiny_model_dir, tmp_path_factory, given) -> DocumentedRay:
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(LINES)
    with documented_ray(of_one_machine(), **given) as ray:
        ray.serve(tiny_model_dir, keys_file=str(keys))
        yield ray
