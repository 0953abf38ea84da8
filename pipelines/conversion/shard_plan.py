"""Which image goes into which shard: decided once, before anything is converted, and the same every time.

The plan is an Arrow file with one record batch per shard, so that a worker reads its own shard and nothing else.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter

import pyarrow as pa

from chex.records import Study
from pipelines.adapters import AnnotationSource, ImageSource, LeftOut, SourceError, SplitRule, kinds_with_images
from pipelines.conversion.split_ledger import SplitLedger
from pipelines.output_folder import OutputFolder

PLAN_FILE = "_plan.arrow"

_COLUMNS = tuple(column.name for column in fields(Study))
_row = attrgetter(*_COLUMNS)
_SCHEMA = pa.schema([*((name, pa.string()) for name in _COLUMNS), ("shard", pa.string())])


@dataclass(slots=True)
class ShardPlan:
    """What there is to convert. `hash` covers every study in its order."""

    shards: list[str] = field(default_factory=list)  # their names, "dataset=…/split=…/part-00000"
    images: Counter[tuple[str, str]] = field(default_factory=Counter)  # (dataset, split) -> number
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)  # (dataset, reason) -> number
    hash: str = ""
    content: bytes = b""  # of PLAN_FILE


def make_plan(sources: Sequence[AnnotationSource | ImageSource], rows_per_shard: int) -> ShardPlan:
    """List all images of all image sources and cut them into shards of one dataset and split each.

    Raises:
        SourceError: an image listed twice, an impossible split, a patient or a study in two, or no image at all.
    """
    plan, sink, digest, ledger = ShardPlan(), io.BytesIO(), hashlib.sha256(), SplitLedger()
    parts: Counter[tuple[str, str]] = Counter()
    with pa.ipc.new_file(sink, _SCHEMA, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        for source in (source for source in sources if isinstance(source, ImageSource)):
            for place, rows in _cut(_placed(source, sources, plan), rows_per_shard, ledger):
                name = f"dataset={place[0]}/split={place[1]}/part-{parts[place]:05}"
                parts[place] += 1
                plan.shards.append(name)
                plan.images[place] += len(rows)
                digest.update(json.dumps(rows).encode())
                arrays = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
                writer.write_batch(pa.record_batch([*arrays, pa.array([name] * len(rows))], schema=_SCHEMA))
            for reason, count in source.left_out().items():
                plan.left_out[source.datasets[0], reason] += count
    try:
        ledger.check()
    except SourceError as fault:
        origins = [origin for source in sources if (origin := getattr(source, "splits_from", None))]
        raise SourceError("; ".join([str(fault), *(f"splits are those of {origin}" for origin in origins)])) from fault
    if not plan.shards:
        reasons = ", ".join(f"{dataset}: {reason} ({count})" for (dataset, reason), count in plan.left_out.items())
        raise SourceError(f"expected images to convert; found none, but what is left out: {reasons or 'nothing'}")
    plan.hash, plan.content = digest.hexdigest(), sink.getvalue()
    return plan


def read_shard(output: OutputFolder, index: int) -> tuple[str, list[Study]]:
    """The name and the studies of shard number `index` of the plan in `output`."""
    rows = output.read_from(PLAN_FILE, lambda file: pa.ipc.open_file(file).get_batch(index).to_pylist())
    return rows[0]["shard"], [Study(**{name: row[name] for name in _COLUMNS}) for row in rows]


def check_sources(sources: Sequence[AnnotationSource | ImageSource]) -> None:
    """Raise one SourceError with everything that is wrong with the sources, alone and together.

    Together: every dataset needs exactly one source of its images.
    """
    images = Counter(name for source in sources if isinstance(source, ImageSource) for name in source.datasets)
    faults = [f"expected one source of the images of {name}; found {n}" for name, n in images.items() if n > 1]
    for source in sources:
        if not set(source.datasets) & set(images):
            kind = type(source).__module__.rpartition(".")[2].replace("_", "-")
            wanted = " or ".join(kinds_with_images(source.datasets))
            given = f"images of {', '.join(sorted(images))}" if images else "no images"
            faults.append(f"{kind} brings no images: expected {wanted} beside it; found {given}")
        try:
            source.check()
        except SourceError as fault:
            faults.append(str(fault))
    if faults:
        raise SourceError("; ".join(faults))


def _placed(source: ImageSource, sources: Sequence[AnnotationSource], plan: ShardPlan) -> Iterator[Study]:
    """The source's images, in the splits where the rules of all sources put them; counts those that they leave out."""
    rules = [rule for rule in sources if isinstance(rule, SplitRule) and set(rule.datasets) & set(source.datasets)]
    for study in source.studies():
        try:
            for rule in rules:
                study = rule.placed(study)
        except LeftOut as reason:
            plan.left_out[study.dataset, reason.reason] += 1
            continue
        yield study


def _cut(
    studies: Iterable[Study], rows_per_shard: int, ledger: SplitLedger
) -> Iterator[tuple[tuple[str, str], list[tuple]]]:
    """Full shards as soon as they are full, the rest at the end; at most one open shard per dataset and split."""
    waiting: dict[tuple[str, str], list[tuple]] = {}
    for study in studies:
        ledger.add(study)
        place = (study.dataset, study.split)
        rows = waiting.setdefault(place, [])
        rows.append(_row(study))
        if len(rows) == rows_per_shard:
            yield place, waiting.pop(place)
    for place in sorted(waiting):
        yield place, waiting[place]
