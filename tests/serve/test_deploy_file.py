"""`infra/serve.yaml` is what Serve and our own builder accept; the builder refuses what no replica could start with."""

from __future__ import annotations

import importlib

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from serve.app import AppArguments, build
from tests.serve.deployment import ROOT
from tests.serve.security.guarded_app import LINES


@pytest.fixture(scope="module")
def config() -> ServeDeploySchema:
    return ServeDeploySchema.model_validate(yaml.safe_load((ROOT / "infra" / "serve.yaml").read_text()))


def test_it_is_bound_to_loopback_and_logs_json(config):
    assert config.http_options.host == "127.0.0.1"
    assert config.logging_config.encoding == "JSON"


def test_its_arguments_build_the_application(config):
    (application,) = config.applications
    module, _, name = application.import_path.partition(":")
    assert getattr(importlib.import_module(module), name) is build
    arguments = AppArguments(**application.args)
    assert arguments.most_detectors > arguments.detectors and arguments.most_generators > arguments.generators
    assert build(arguments)


def test_the_options_that_it_proposes_exist():
    lines = (ROOT / "infra" / "serve.yaml").read_text().splitlines()
    proposed = [line.partition("# ")[2].partition(":")[0] for line in lines if line.startswith("      # ")]
    assert {"keys_file", "requests_per_second", "cors_origins"} <= set(proposed) & set(AppArguments.model_fields)


def test_keys_and_origins_are_read_before_anything_starts(tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(LINES)
    assert build(AppArguments(keys_file=str(keys)))
    keys.write_text("ward-3 token-in-the-wrong-place")
    with pytest.raises(ValueError, match="line 1: expected") as refused:
        build(AppArguments(keys_file=str(keys)))
    assert "wrong-place" not in str(refused.value)
    with pytest.raises(FileNotFoundError):
        build(AppArguments(keys_file=str(tmp_path / "none")))
    with pytest.raises(ValueError, match="an origin reads"):
        build(AppArguments(cors_origins=["*"]))
