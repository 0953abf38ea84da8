"""What a conversion tells about itself beside its shards: every input accounted for, and what the data are."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from chex import __version__
from pipelines.conversion.shard import ShardCounts
from pipelines.conversion.shard_plan import ShardPlan
from pipelines.schema import SCHEMA_VERSION

MANIFEST_FILE = "manifest.json"
MOST_REASONS = 50  # of a dataset, told apart; some reasons quote what was found, and no two of those are alike
OTHER_REASONS = "other reasons, each of them in quarantine/"


def manifest(settings: Mapping[str, Any], plan: ShardPlan, finished: Mapping[int, ShardCounts]) -> dict[str, Any]:
    """The manifest after the shards `finished`, by their number in the plan; complete once that is all of them.

    `inputs` is the sum of all numbers in `rows`, `left_out` and `quarantined`. `data_sha256` covers what the rows hold
    and their order, but not where the raw files lay: the same data have the same hash wherever they were converted.
    """
    rows = Counter({place: 0 for place in plan.images})
    left_out, quarantined = Counter(plan.left_out), Counter()
    for counts in finished.values():
        rows[counts.dataset, counts.split] += counts.rows
        left_out.update({(counts.dataset, reason): count for reason, count in counts.left_out.items()})
        quarantined.update({(counts.dataset, reason): count for reason, count in counts.quarantined.items()})
    complete = len(finished) == len(plan.shards)
    return {
        "complete": complete,
        "schema_version": SCHEMA_VERSION,
        "converter_version": __version__,
        "data_sha256": _hash_of(finished) if complete else None,
        "inputs": plan.images.total() + plan.left_out.total(),
        "rows": _nested(rows),
        "left_out": _nested(left_out),
        "quarantined": {name: _commonest(reasons) for name, reasons in _nested(quarantined).items()},
        "shards": len(plan.shards),
        "plan_hash": plan.hash,
        "config": dict(settings),
    }


def manifest_bytes(content: Mapping[str, Any]) -> bytes:
    """The file's content; the same for the same manifest."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def total(nested: Mapping[str, Mapping[str, int]]) -> int:
    """The sum of `rows`, `left_out` or `quarantined`."""
    return sum(count for counts in nested.values() for count in counts.values())


def _hash_of(finished: Mapping[int, ShardCounts]) -> str:
    digest = hashlib.sha256(SCHEMA_VERSION.encode())
    for _, counts in sorted(finished.items()):
        digest.update(f"\n{counts.dataset} {counts.split} {counts.sha256}".encode())
    return digest.hexdigest()


def _nested(counter: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (dataset, name), count in sorted(counter.items()):
        nested.setdefault(dataset, {})[name] = count
    return nested


def _commonest(reasons: dict[str, int]) -> dict[str, int]:
    ranked: Collection[str] = sorted(reasons, key=lambda reason: (-reasons[reason], reason))
    if len(ranked) <= MOST_REASONS:
        return reasons
    kept = {reason: reasons[reason] for reason in sorted(ranked[:MOST_REASONS])}
    return kept | {OTHER_REASONS: sum(reasons.values()) - sum(kept.values())}
