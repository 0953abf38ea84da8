"""`infra/serve.yaml` is what Serve and our own builder accept; the builder refuses what no replica could start with."""

from __future__ import annotations

import importlib

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from serve.app import MODEL_APPLICATION, build
from serve.arguments import AppArguments
from tests.serve.deployment import arguments_of
from tests.serve.security.guarded_app import LINES
from tests.started_ray import ROOT


@pytest.fixture(scope="module")
def config() -> ServeDeploySchema:
    return ServeDeploySchema.model_validate(yaml.safe_load((ROOT / "infra" / "serve.yaml").read_text()))


def test_it_is_bound_to_loopback_and_logs_json(config):
    assert config.http_options.host == "127.0.0.1"
    assert config.logging_config.encoding == "JSON"


def test_its_arguments_build_the_applications(config):
    built = {}
    for application in config.applications:
        module, _, name = application.import_path.partition(":")
        arguments = arguments_of(application.import_path)(**application.args)
        assert getattr(importlib.import_module(module), name)(arguments)
        built[application.name] = arguments
        assert (application.route_prefix == "/") == (application.name == "chex-ray")
    front, model = built["chex-ray"], built[MODEL_APPLICATION]
    assert model.most_detectors > model.detectors and model.most_generators > model.generators
    assert front.shards == model.most_detectors
    assert "model" not in type(front).model_fields, "or a new model would replace the front, and its images"


def test_the_options_that_it_proposes_exist(config):
    lines = (ROOT / "infra" / "serve.yaml").read_text().splitlines()
    proposed, builder = {}, None
    for line in lines:
        builder = line.partition("import_path: ")[2] or builder
        if line.startswith("      # "):
            proposed.setdefault(builder, set()).add(line.partition("# ")[2].partition(":")[0])
    assert {"keys_file", "requests_per_second", "cors_origins"} <= proposed["serve.app:front"]
    assert all(options <= set(arguments_of(builder).model_fields) for builder, options in proposed.items())


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
