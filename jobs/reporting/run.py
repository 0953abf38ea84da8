"""A report run from its plan to its summary."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from chex.exports import needs_of
from jobs.cluster import ray_cluster
from jobs.machines import device_here, machines
from jobs.reporting.actors import ModelUse
from jobs.reporting.config import ReportRun
from jobs.reporting.counts import Counts
from jobs.reporting.graph import finished_parts
from jobs.reporting.pace import Pace
from jobs.reporting.plan import Plan
from jobs.reporting.planning import Maker, planned_run
from jobs.reporting.pools import Pool, Pools, pools_for
from jobs.reporting.reading import PartReader
from jobs.reporting.results import Results
from jobs.reporting.writing import PartWriter
from pipelines.conversion.progress import progress

logger = logging.getLogger(__name__)


def write_reports(run: ReportRun, *, show_progress: bool = True) -> dict:
    """Runs the graph on the Ray of `jobs.cluster` and returns the summary, which also lies in OUTPUT/summary.json.

    A part's files are written together, so a run that is killed leaves only whole parts; `resume` makes the others,
    and those of images that came since.

    Raises:
        ValueError: the input, the prompts or an earlier result set in OUTPUT do not allow it.
        StoreUnreachable, RuntimeError: it cannot go on; what is written stays.
    """
    pace = Pace()
    run = replace(run, device=_device(run))
    left_alone: Counter[str] = Counter()
    plan, maker, key = planned_run(run, left_alone)
    results, counts = Results(run.output), Counts()
    finished = results.finished() & set(range(plan.parts))
    for earlier in results.counts_of(finished):
        counts.add(earlier)
    done_before = counts.images
    logger.info("%d images in %d parts, of which %d are done", plan.images, plan.parts, len(finished))
    if len(finished) < plan.parts:
        with progress(plan.images - done_before, shown=show_progress, title="reports") as shown:
            for found in _reported(run, plan, maker, key, set(range(plan.parts)) - finished):
                counts.add(found)
                pace.add(found.images)
                shown(found.images)
        if results.folder.is_local:
            results.folder.remove_unfinished()  # of workers that died while they wrote
    summary = {
        **counts.summary(),
        "left_alone": _shareable(left_alone) if run.deidentify else dict(left_alone.most_common()),
        "this_run": {**pace.summary(), "already_done": done_before},
        "result_set": key,
    }
    results.write("summary.json", (json.dumps(summary, indent=1, ensure_ascii=False) + "\n").encode())
    return summary


def _shareable(left_alone: Counter[str]) -> dict[str, int]:
    """The ending of a file's name may be part of a patient's."""
    return {"of any kind": left_alone.total()} if left_alone else {}


def _reported(run: ReportRun, plan: Plan, maker: Maker, key: str, waiting: set[int]) -> Iterator[Counts]:
    """What became of each part of `waiting`, which is empty in the end."""
    with ray_cluster():
        from ray.exceptions import RayError, WorkerCrashedError

        pools, further = _pools(run), run.further_formats
        use = ModelUse(
            run.model, pools.device, maker.queries, run.batch_size, maker.made_with["precision"], pools.threads
        )
        needs = needs_of(further)
        # the header alone tells whether text is burned into the pixels
        keep_headers = "header" in needs or (run.deidentify and "pixels" in needs)
        reader = PartReader(run.plan_folder, plan, maker.model_input, keep_headers, run.report_anyway)
        writer = PartWriter(run.output, further, maker.provenance, key, run.deidentifier)

        def finished(reader: PartReader) -> Iterator[Counts]:
            for number, counts in finished_parts(sorted(waiting), reader, use, writer, pools):
                waiting.discard(number)
                yield counts

        try:
            try:
                yield from finished(reader)
            except WorkerCrashedError:
                logger.warning("an image may have killed the process that read it; going on with one for each")
                yield from finished(replace(reader, isolate=True))
        except RayError as error:
            reason = str(error.__cause__ or error).strip().splitlines()[-1]
            raise RuntimeError(f"the job failed: {reason}") from error
    if waiting:
        raise RuntimeError(f"{len(waiting)} parts did not get through: start again with --resume")


def _pools(run: ReportRun) -> Pools:
    detectors, generators = Pool(run.detectors, run.gpus_per_detector), Pool(run.generators, run.gpus_per_generator)
    pools = (detectors, generators)
    gpus = sum(pool.actors * (pool.gpus or 0) for pool in pools) + any(pool.gpus is None for pool in pools)
    cluster = machines(run.device).grown(cpus=2 * (run.detectors + run.generators), gpus=gpus)
    return pools_for(
        run.device, detectors, generators,
        cpus=cluster.cpus, gpus=cluster.gpus, nodes=cluster.nodes, taken_cpus=cluster.taken_cpus,
    )  # fmt: skip


def _device(run: ReportRun) -> str:
    """ "cpu" or "cuda"; a cluster is asked, if the job runs on one."""
    if run.device != "auto":
        return run.device
    import ray

    if not (ray.is_initialized() or os.environ.get("RAY_ADDRESS")):
        return device_here()
    with ray_cluster():
        return "cuda" if machines().gpus else "cpu"
