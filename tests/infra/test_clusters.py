"""The launcher's files, held against Ray's own schema."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

FILES = sorted((Path(__file__).resolve().parents[2] / "infra").glob("cluster-*.yaml"))


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def cluster(request):
    return yaml.safe_load(request.param.read_text(encoding="utf-8"))


def test_the_launcher_takes_them(cluster):
    from ray.autoscaler._private.util import prepare_config, validate_config

    validate_config(prepare_config(cluster))
    misspelt = {**cluster, "idle_timeout_minute": 5}
    with pytest.raises(Exception, match="idle_timeout_minute"):
        validate_config(prepare_config(misspelt))


def test_the_dashboard_is_for_the_head_alone_and_everything_asks_for_the_token(cluster):
    (start,) = (command for command in cluster["head_start_ray_commands"] if "--head" in command)
    assert "--dashboard-host=127.0.0.1" in start and "--autoscaling-config" in start
    assert any("RAY_AUTH_MODE=token" in option for option in cluster["docker"]["run_options"])
    assert "/home/ray/.ray/auth_token" in cluster["file_mounts"]
    assert not re.search("AWS_SECRET|PASSWORD|RAY_AUTH_TOKEN=", yaml.safe_dump(cluster))


def test_scaling_has_bounds(cluster):
    assert 0 < cluster["max_workers"] <= 16
    for name, kind in cluster.get("available_node_types", {}).items():
        assert kind["max_workers"] <= cluster["max_workers"], name
        assert kind.get("min_workers", 0) == 0, f"{name}: nothing runs, and costs, while there is no work"


def test_the_archive_may_run_on_spot_machines_with_a_gpu():
    (aws,) = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in FILES if "aws" in file.stem)
    kinds = aws["available_node_types"]
    spot = [kind for kind in kinds.values() if "InstanceMarketOptions" in kind["node_config"]]
    assert spot and all(kind["resources"]["GPU"] >= 1 for kind in spot)
    assert kinds[aws["head_node_type"]]["resources"]["CPU"] == 0
