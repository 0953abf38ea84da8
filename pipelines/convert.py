"""Raw datasets to Parquet shards: plan, one Ray Data task per shard, manifest.

A killed conversion goes on with `resume`: shards whose files are there are only counted, all others are made, and the
files are the same as without the interruption.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from chex import __version__
from pipelines.adapters import open_sources
from pipelines.conversion.manifest import MANIFEST_FILE, manifest, manifest_bytes
from pipelines.conversion.places import check_places
from pipelines.conversion.progress import progress as progress_of
from pipelines.conversion.shard import ShardCounts, ShardTask
from pipelines.conversion.shard_plan import PLAN_FILE, ShardPlan, check_sources, make_plan
from pipelines.conversion.shard_results import shard_results
from pipelines.freed_memory import release_freed_memory
from pipelines.output_folder import OutputFolder
from pipelines.schema import SCHEMA_VERSION

ROWS_PER_SHARD = 256

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
    rows_per_shard: int = ROWS_PER_SHARD
    resume: bool = False

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("expected at least one source; found none")
        # workers run in another directory
        absolute = ((kind, root if "://" in root else os.path.abspath(root)) for kind, root in self.sources)
        object.__setattr__(self, "sources", tuple(sorted(absolute)))
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
        OutputError: the output is not empty, is of another conversion, or cannot be written.
    """
    output = OutputFolder(conversion.output)
    check_places(conversion.sources, output)
    with _writable(output):
        earlier = _earlier_manifest(output, conversion)
    sources = open_sources(conversion.sources)
    check_sources(sources)
    plan = make_plan(sources, conversion.rows_per_shard)
    settings = json.dumps(conversion.settings, sort_keys=True)
    plan.hash = hashlib.sha256(f"{plan.hash}{settings}".encode()).hexdigest()
    if earlier is None:
        with _writable(output):
            output.write(PLAN_FILE, plan.content)
            output.write(MANIFEST_FILE, manifest_bytes(manifest(conversion.settings, plan, {})))
    elif earlier["plan_hash"] != plan.hash:
        raise OutputError(f"{output.root}: the sources' images changed since the interrupted conversion")
    plan.content = b""
    del sources
    release_freed_memory()  # of tables and plan; the conversion needs none of it
    return plan


def run(conversion: Conversion, plan: ShardPlan, *, progress: bool = True) -> dict[str, Any]:
    """Convert what `prepare` planned on the Ray that is running, and write the manifest, which is returned.

    A worker that dies is replaced and its shard made again. If a shard kills one after the other, what is left is
    converted once more with every image decoded in a process of its own, and the image that kills goes to quarantine.

    Raises:
        SourceError: a table of a source turned out to be broken.
        StoreUnreachable: a store does not answer; nothing of what is there is lost.
        RuntimeError: a shard's result is missing; nothing of what is there is lost.
    """
    from ray.exceptions import WorkerCrashedError

    output = OutputFolder(conversion.output)
    task = ShardTask(conversion.sources, output.root, conversion.image_size, plan.hash, run=uuid.uuid4().hex)
    finished: dict[int, ShardCounts] = {}
    with progress_of(plan.images.total(), shown=progress) as done:

        def convert(task: ShardTask) -> None:
            for index, counts in shard_results(sorted(set(range(len(plan.shards))) - set(finished)), task):
                finished[index] = counts
                done(counts.inputs)

        try:
            convert(task)
        except WorkerCrashedError:
            logger.warning("an image may have killed the process that decoded it; going on with one process for each")
            convert(replace(task, isolate=True))
    found = sum(counts.inputs for counts in finished.values())
    if len(finished) != len(plan.shards) or found != plan.images.total():
        raise RuntimeError(
            f"expected {len(plan.shards)} shards with {plan.images.total()} images; "
            f"found {len(finished)} with {found}: start again with --resume"
        )
    if output.is_local:
        output.remove_unfinished()  # of workers that died while they wrote
    content = manifest(conversion.settings, plan, finished)
    output.write(MANIFEST_FILE, manifest_bytes(content))
    return content


@contextmanager
def _writable(output: OutputFolder) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{output.root}: expected a folder that can be written; found: {reason}") from error


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
    try:
        earlier = json.loads(content)
        settings = dict(earlier["config"], plan_hash=earlier["plan_hash"])
    except (ValueError, TypeError, KeyError) as error:
        raise OutputError(f"{output.uri(MANIFEST_FILE)}: expected a conversion's manifest; it is damaged") from error
    for name, wanted in conversion.settings.items():
        before = settings.get(name)
        if before != wanted:
            raise OutputError(f"{output.root} was begun with {name} {before}; found {wanted} now: cannot resume")
    return earlier
