"""A report run: what it is asked to do, its bookkeeping, and its summary."""

from __future__ import annotations

import json
import logging
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from chex.exports import formats, needs_of
from chex.records import Provenance, Query
from jobs.cluster import ray_cluster
from jobs.reporting.actors import ModelUse
from jobs.reporting.counts import Counts
from jobs.reporting.distinct_uris import new_uris
from jobs.reporting.graph import finished_parts
from jobs.reporting.inputs import list_images
from jobs.reporting.part import ModelInput
from jobs.reporting.plan import Plan, add_to_plan, planned_uris, read_plan
from jobs.reporting.pools import Pool, Pools, pools_for
from jobs.reporting.prompts import read_prompts
from jobs.reporting.reading import PartReader
from jobs.reporting.results import Results
from jobs.reporting.writing import PartWriter
from pipelines.conversion.progress import progress
from pipelines.model_folder import checked_model_folder, model_folder_on_disk

PRECISIONS = ("auto", "float32", "bfloat16")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReportRun:
    """Everything a run is asked to do; refused as a whole, before any work, if something in it is impossible."""

    model: str
    input: str
    output: str
    prompts: str | None = None  # a prompt file; None: the default prompt set
    formats: tuple[str, ...] = ("parquet",)
    resume: bool = False
    report_anyway: bool = False  # also what does not look like a frontal chest radiograph
    batch_size: int = 32
    rows_per_part: int = 128
    detectors: int = 1
    generators: int = 1
    gpus_per_detector: float | None = None  # None: the GPUs are shared evenly
    gpus_per_generator: float | None = None
    device: str = "auto"  # "auto", "cpu" or "cuda"
    precision: str = "auto"  # "float32", "bfloat16"; "auto": the latter on a GPU

    def __post_init__(self) -> None:
        faults = [
            f"{name} must be at least 1, found {getattr(self, name)}"
            for name in ("batch_size", "detectors", "generators", "rows_per_part")
            if getattr(self, name) < 1
        ]
        for name in ("gpus_per_detector", "gpus_per_generator"):
            value = getattr(self, name)
            if value is not None and not (0 < value <= 1 or (value > 1 and value == int(value))):
                faults.append(f"{name} must be a fraction of a GPU or a whole number of them, found {value:g}")
        valid = ("parquet", *sorted(formats()))
        unknown = [name for name in self.formats if name not in valid]
        if unknown:
            faults.append(f"unknown format {', '.join(unknown)}; valid: {', '.join(valid)}")
        for name, known in (("device", ("auto", "cpu", "cuda")), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                faults.append(f"{name} must be one of {', '.join(known)}, found {getattr(self, name)}")
        try:
            # workers have another working directory
            object.__setattr__(self, "model", checked_model_folder(self.model))
        except ValueError as fault:
            faults.append(str(fault))
        if "://" not in self.output:
            object.__setattr__(self, "output", os.path.abspath(self.output))
        if _lies_in(self.output, self.input):
            faults.append(f"the output {self.output} lies in the input: its pictures would be reported on next time")
        if faults:
            raise ValueError("; ".join(faults))

    @property
    def further_formats(self) -> tuple[str, ...]:
        """The chosen formats besides the rows that are always written."""
        return tuple(sorted(set(self.formats) - {"parquet"}))


@dataclass(frozen=True, slots=True)
class Maker:
    """What decides a report besides the image."""

    made_with: dict
    queries: tuple[Query, ...]
    provenance: Provenance  # of every report, but for the image
    model_input: ModelInput


def write_reports(run: ReportRun, *, show_progress: bool = True) -> dict:
    """Runs the graph on the Ray of `jobs.cluster` and returns the summary, which also lies in OUTPUT/summary.json.

    A part's files are written together, so a run that is killed leaves only whole parts; `resume` makes the others,
    and those of images that came since.

    Raises:
        ValueError: the input, the prompts or an earlier result set in OUTPUT do not allow it.
        StoreUnreachable, RuntimeError: it cannot go on; what is written stays.
    """
    started = time.monotonic()
    run = replace(run, device=_device(run))
    maker = _maker(run)
    results = Results(run.output)
    settings = {"formats": ["parquet", *run.further_formats], "report_anyway": run.report_anyway}
    results.check(maker.made_with, settings, resume=run.resume)
    left_alone: Counter[str] = Counter()
    plan = read_plan(results.folder)
    with new_uris(list_images(run.input, left_alone), planned_uris(results.folder, plan)) as uris:
        first = next(uris, None)
        if first is None and not plan.parts:
            left = ", ".join(f"{count} × {kind}" for kind, count in left_alone.most_common()) or "it is empty"
            raise ValueError(f"the input {run.input} has no image; found: {left}")
        key = results.begin(maker.made_with, settings)
        plan = add_to_plan(results.folder, plan, chain(() if first is None else (first,), uris), run.rows_per_part)
    finished = results.finished() & set(range(plan.parts))
    counts = Counts()
    for earlier in results.counts_of(finished):
        counts.add(earlier)
    done_before = counts.images
    todo = sorted(set(range(plan.parts)) - finished)
    logger.info("%d images in %d parts, of which %d are done", plan.images, plan.parts, len(finished))
    if todo:
        _report(run, maker, results, plan, key, todo, counts, show_progress)
    seconds = time.monotonic() - started
    made = counts.images - done_before
    summary = {
        **counts.summary(),
        "left_alone": dict(left_alone.most_common()),
        "this_run": {
            "images": made,
            "already_done": done_before,
            "seconds": round(seconds, 2),
            "images_per_second": round(made / seconds, 2),
        },
        "result_set": key,
    }
    results.write("summary.json", (json.dumps(summary, indent=1, ensure_ascii=False) + "\n").encode())
    return summary


def _report(
    run: ReportRun,
    maker: Maker,
    results: Results,
    plan: Plan,
    key: str,
    todo: Sequence[int],
    counts: Counts,
    shown: bool,
) -> None:
    """Adds what became of the parts `todo` to the counts."""
    with ray_cluster():
        from ray.exceptions import RayError, WorkerCrashedError

        pools = _pools(run)
        use = ModelUse(
            run.model, pools.device, maker.queries, run.batch_size, maker.made_with["precision"], pools.threads
        )
        reader = PartReader(
            run.output, plan, maker.model_input, "header" in needs_of(run.further_formats), run.report_anyway
        )
        writer = PartWriter(run.output, run.further_formats, maker.provenance, key)
        waiting = set(todo)
        with progress(plan.images - counts.images, shown=shown, title="reports") as done:

            def work(reader: PartReader) -> None:
                for number, found in finished_parts(sorted(waiting), reader, use, writer, pools):
                    waiting.discard(number)
                    counts.add(found)
                    done(found.images)

            try:
                try:
                    work(reader)
                except WorkerCrashedError:
                    logger.warning("an image may have killed the process that read it; going on with one for each")
                    work(replace(reader, isolate=True))
            except RayError as error:
                reason = str(error.__cause__ or error).strip().splitlines()[-1]
                raise RuntimeError(f"the job failed: {reason}") from error
    if waiting:
        raise RuntimeError(f"{len(waiting)} of {len(todo)} parts did not get through: start again with --resume")
    if results.folder.is_local:
        results.folder.remove_unfinished()  # of workers that died while they wrote


def _pools(run: ReportRun) -> Pools:
    import ray

    cluster = ray.cluster_resources()
    return pools_for(
        run.device,
        Pool(run.detectors, run.gpus_per_detector),
        Pool(run.generators, run.gpus_per_generator),
        cpus=cluster.get("CPU", 1),
        gpus=cluster.get("GPU", 0),
        nodes=sum(node["Alive"] for node in ray.nodes()),
    )


def _maker(run: ReportRun) -> Maker:
    """The model is loaded once here, so that a broken one stops the run early."""
    from chex import Chex
    from chex.inference.report import PromptSet, ReportWriter, default_prompts

    with model_folder_on_disk(run.model) as folder:
        model = Chex.load(folder, device="cpu")
    prompts = default_prompts() if run.prompts is None else PromptSet(*read_prompts(run.prompts))
    provenance = ReportWriter(model).provenance(prompts, input_sha256="")
    made_with = {
        "model": [provenance.model_name, provenance.model_version, provenance.weights_sha256],
        "prompts": [prompts.name, [[query.name, query.text, query.box] for query in prompts.queries]],
        "thresholds": dict(provenance.thresholds),
        "software": provenance.software_version,
        "precision": ("bfloat16" if run.device == "cuda" else "float32") if run.precision == "auto" else run.precision,
    }
    model_input = ModelInput(model.config.image_encoder.image_size, model.config.preprocessing.fit)
    return Maker(made_with, tuple(prompts.queries), provenance, model_input)


def _device(run: ReportRun) -> str:
    """ "cpu" or "cuda"; a cluster is asked, if the job runs on one."""
    if run.device != "auto":
        return run.device
    import ray

    if not (ray.is_initialized() or os.environ.get("RAY_ADDRESS")):
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"
    with ray_cluster():
        return "cuda" if ray.cluster_resources().get("GPU") else "cpu"


def _lies_in(place: str, folder: str) -> bool:
    place, folder = (text if "://" in text else os.path.realpath(text) for text in (place, folder))
    return f"{place.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")
