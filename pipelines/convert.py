"""Raw datasets to Parquet shards: plan, one Ray Data task per shard, manifest.

A killed conversion goes on with `resume`: shards whose files are there are only counted, all others are made, and the
files are the same as without the interruption.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from tqdm import tqdm

from chex import __version__
from pipelines.adapters import SourceError, open_source
from pipelines.convert_shard import ShardCounts, ShardTask, convert_shard
from pipelines.output_folder import OutputFolder
from pipelines.schema import SCHEMA_VERSION
from pipelines.shard_plan import PLAN_FILE, ShardPlan, check_sources, make_plan

MANIFEST_FILE = "manifest.json"

logger = logging.getLogger(__name__)


class OutputError(ValueError):
    """The output folder cannot be written: it holds something else, or an interrupted conversion of something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What is converted, and how.

    `sources` are (kind, root); `image_size` is the shorter side of the stored image in pixels (images are never
    enlarged).

    Raises:
        ValueError: an impossible size.
    """

    sources: tuple[tuple[str, str], ...]
    output: str
    image_size: int = 256
    rows_per_shard: int = 256
    resume: bool = False

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("expected at least one source; found none")
        # workers run in another directory
        absolute = tuple((kind, root if "://" in root else os.path.abspath(root)) for kind, root in self.sources)
        object.__setattr__(self, "sources", absolute)
        for name, least in (("image_size", 16), ("rows_per_shard", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}; found {getattr(self, name)}")

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides what the files hold."""
        return {
            "sources": [{"kind": kind, "root": root} for kind, root in self.sources],
            "image_size": self.image_size,
            "rows_per_shard": self.rows_per_shard,
            "schema_version": SCHEMA_VERSION,
            "converter_version": __version__,
        }


def prepare(conversion: Conversion) -> ShardPlan:
    """Check everything, list the images and write the plan; touches no cluster.

    Raises:
        SourceError: a source cannot be read, or the sources do not fit together.
        OutputError: the output is not empty, or it is of another conversion.
    """
    output = OutputFolder(conversion.output)
    earlier = _earlier_manifest(output, conversion)
    sources = [open_source(kind, root) for kind, root in conversion.sources]
    check_sources(sources)
    plan = make_plan(sources, conversion.rows_per_shard)
    settings = json.dumps(conversion.settings, sort_keys=True)
    plan.hash = hashlib.sha256(f"{plan.hash}{settings}".encode()).hexdigest()
    if earlier is None:
        output.write(PLAN_FILE, plan.content)
        output.write(MANIFEST_FILE, _json(_manifest(conversion, plan, [], complete=False)))
    elif earlier["plan_hash"] != plan.hash:
        raise OutputError(f"{output.root}: the sources' images changed since the interrupted conversion")
    plan.content = b""
    return plan


def run(conversion: Conversion, plan: ShardPlan, *, progress: bool = True) -> dict[str, Any]:
    """Convert what `prepare` planned on the Ray that is running, and write the manifest, which is returned.

    Raises:
        SourceError: a table of a source turned out to be broken.
        RuntimeError: a shard's result is missing; nothing of what is there is lost.
    """
    output = OutputFolder(conversion.output)
    task = ShardTask(conversion.sources, output.root, conversion.image_size, plan.hash)
    finished = []
    with tqdm(total=plan.images.total(), unit="image", desc="convert", disable=not progress, smoothing=0) as bar:
        for counts in _results(len(plan.shards), task):
            finished.append(counts)
            bar.update(counts.inputs)
    found = sum(counts.inputs for counts in finished)
    if len(finished) != len(plan.shards) or found != plan.images.total():
        raise RuntimeError(
            f"expected {len(plan.shards)} shards with {plan.images.total()} images; "
            f"found {len(finished)} with {found}: start again with --resume"
        )
    manifest = _manifest(conversion, plan, finished, complete=True)
    output.write(MANIFEST_FILE, _json(manifest))
    return manifest


def _results(shards: int, task: ShardTask) -> Iterator[ShardCounts]:
    """Every shard's counts, in the order in which they finish."""
    import ray.data

    # one progress bar is enough, and importing ray.data has just set its own level
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    logging.getLogger("ray.data._internal.progress").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    shown, context.enable_progress_bars = context.enable_progress_bars, False
    try:
        dataset = ray.data.from_items(list(range(shards)), override_num_blocks=shards).map_batches(
            _convert_batch, batch_size=1, batch_format="numpy", fn_kwargs={"task": task}
        )
        for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
            for fault, counts in zip(batch["fault"].to_pylist(), batch["counts"].to_pylist(), strict=True):
                if fault is not None:
                    raise SourceError(fault)
                yield ShardCounts.from_json(counts)
    finally:
        context.enable_progress_bars = shown


def _convert_batch(batch: dict[str, Any], task: ShardTask) -> pa.Table:
    # a fault of a source goes back as text: wrapped into Ray's exceptions nobody would find it
    counts, fault = None, None
    try:
        counts = convert_shard(int(batch["item"][0]), task).to_json()
    except SourceError as error:
        fault = str(error)
    return pa.table({"counts": pa.array([counts], pa.string()), "fault": pa.array([fault], pa.string())})


def _earlier_manifest(output: OutputFolder, conversion: Conversion) -> dict[str, Any] | None:
    """The manifest of the conversion that is resumed; None for a fresh start."""
    if not output.names():
        return None
    if not conversion.resume:
        raise OutputError(f"{output.root} is not empty; choose another output, or --resume what was interrupted there")
    output.remove_unfinished()
    content = output.read(MANIFEST_FILE)
    if content is None and output.names() <= {PLAN_FILE}:
        return None  # killed before the first manifest: nothing was converted yet
    if content is None:
        raise OutputError(f"{output.root} is not empty and holds no {MANIFEST_FILE}: nothing to resume there")
    manifest = json.loads(content)
    for name, wanted in conversion.settings.items():
        before = manifest["config"].get(name)
        if before != wanted:
            raise OutputError(f"{output.root} was begun with {name} {before}; found {wanted} now: cannot resume")
    return manifest


def _manifest(conversion: Conversion, plan: ShardPlan, finished: list[ShardCounts], *, complete: bool) -> dict:
    rows = Counter({place: 0 for place in plan.images})
    left_out, quarantined = Counter(plan.left_out), Counter()
    for counts in finished:
        rows[counts.dataset, counts.split] += counts.rows
        left_out.update({(counts.dataset, reason): count for reason, count in counts.left_out.items()})
        quarantined.update({(counts.dataset, reason): count for reason, count in counts.quarantined.items()})
    return {
        "complete": complete,
        "schema_version": SCHEMA_VERSION,
        "converter_version": __version__,
        "inputs": plan.images.total() + plan.left_out.total(),
        "rows": _nested(rows),
        "left_out": _nested(left_out),
        "quarantined": _nested(quarantined),
        "shards": len(plan.shards),
        "plan_hash": plan.hash,
        "config": conversion.settings,
    }


def _nested(counter: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (dataset, name), count in sorted(counter.items()):
        nested.setdefault(dataset, {})[name] = count
    return nested


def _json(content: dict) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
