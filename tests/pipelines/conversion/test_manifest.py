"""The manifest accounts for every input, stays small, and tells the same data by the same hash."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from typing import Any

from pipelines.conversion.manifest import MOST_REASONS, OTHER_REASONS, manifest, manifest_bytes, total
from pipelines.conversion.shard import ShardCounts
from pipelines.conversion.shard_plan import ShardPlan
from tests.pipelines.planned import convert_here


def finished(*counts: ShardCounts) -> tuple[ShardPlan, dict[int, ShardCounts]]:
    plan = ShardPlan()
    for number, shard in enumerate(counts):
        plan.shards.append(f"part-{number}")
        plan.images[shard.dataset, shard.split] += shard.inputs
    return plan, dict(enumerate(counts))


def test_inputs_are_the_sum_of_everything():
    plan, done = finished(
        ShardCounts("a", "train", rows=5, left_out=Counter(rule=2), quarantined=Counter(cut=1)),
        ShardCounts("a", "test", rows=3),
        ShardCounts("b", "test", quarantined=Counter(cut=4)),
    )
    plan.left_out["a", "lateral"] = 7
    content = manifest({}, plan, done)
    assert content["rows"] == {"a": {"test": 3, "train": 5}, "b": {"test": 0}}
    assert content["left_out"] == {"a": {"lateral": 7, "rule": 2}}
    assert content["quarantined"] == {"a": {"cut": 1}, "b": {"cut": 4}}
    assert content["inputs"] == sum(total(content[name]) for name in ("rows", "left_out", "quarantined")) == 22


def test_reasons_that_are_all_different_do_not_fill_it():
    reasons = {f"found {number}": 1 for number in range(1000)} | {"cut": 9}
    plan, done = finished(ShardCounts("a", "train", quarantined=Counter(reasons)))
    told = manifest({}, plan, done)["quarantined"]["a"]
    assert len(told) == MOST_REASONS + 1 and told["cut"] == 9
    assert sum(told.values()) == 1009 and told[OTHER_REASONS] == 1009 - 9 - (MOST_REASONS - 1)


def test_it_does_not_depend_on_the_order_in_which_shards_finish():
    plan, done = finished(
        *(ShardCounts("a", "train", 1, Counter(), Counter([f"r{n}"]), sha256=str(n)) for n in range(5))
    )
    backwards = dict(reversed(done.items()))
    assert manifest_bytes(manifest({}, plan, done)) == manifest_bytes(manifest({}, plan, backwards))
    assert manifest({}, plan, done)["complete"] and not manifest({}, plan, {0: done[0]})["complete"]


def test_the_hash_is_that_of_the_data_wherever_they_lie(converted, vindr, tmp_path):
    root = tmp_path / "elsewhere"
    shutil.copytree(vindr, root)

    def manifest_of(name: str) -> dict[str, Any]:
        plan, counts = convert_here(tmp_path / name, ("vindr-cxr", root), rows_per_shard=4)
        return manifest({}, plan, dict(enumerate(counts)))

    same = manifest_of("same")
    assert same["data_sha256"] == converted[1]["data_sha256"] and same["plan_hash"] != converted[1]["plan_hash"]
    boxes = root / "annotations" / "annotations_train.csv"
    boxes.write_text(boxes.read_text().replace("ILD,8,", "ILD,9,"))
    other = manifest_of("other")
    assert other["rows"] == same["rows"] and other["data_sha256"] != same["data_sha256"]
    assert json.loads((converted[0] / "manifest.json").read_text()) == converted[1]
