"""The Ray Data graph of a report run, and its bookkeeping."""

from __future__ import annotations

import json
import os
import pickle
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from chex.exports import formats, needs_of
from jobs.actor_place import place_for_actors, quieten_ray_data
from jobs.cluster import ray_cluster
from jobs.reporting.actors import Detector, Prompts, Writer
from jobs.reporting.exporting import FurtherFiles, export
from jobs.reporting.inputs import list_inputs
from jobs.reporting.prompts import read_prompts
from jobs.reporting.reading import read_images
from jobs.reporting.results import Part, Results, split_into_parts
from pipelines.model_folder import checked_model_folder, model_folder_on_disk


@dataclass(frozen=True, slots=True)
class ReportRun:
    """Everything a run is asked to do; refused as a whole, before any work, if something in it is impossible."""

    model: str
    input: str
    output: str
    prompts: str | None = None  # a prompt file; None: the default prompt set
    formats: tuple[str, ...] = ("parquet",)
    resume: bool = False
    batch_size: int = 16
    detectors: int = 1
    generators: int = 1
    rows_per_part: int = 256
    device: str = "auto"  # "auto", "cpu" or "cuda"

    def __post_init__(self) -> None:
        faults = [
            f"{name} must be at least 1, found {getattr(self, name)}"
            for name in ("batch_size", "detectors", "generators", "rows_per_part")
            if getattr(self, name) < 1
        ]
        valid = ("parquet", *sorted(formats()))
        unknown = [name for name in self.formats if name not in valid]
        if unknown:
            faults.append(f"unknown format {', '.join(unknown)}; valid: {', '.join(valid)}")
        if self.device not in ("auto", "cpu", "cuda"):
            faults.append(f"device must be auto, cpu or cuda, found {self.device}")
        try:
            object.__setattr__(
                self, "model", checked_model_folder(self.model)
            )  # workers have another working directory
        except ValueError as fault:
            faults.append(str(fault))
        if faults:
            raise ValueError("; ".join(faults))
        if "://" not in self.output:
            object.__setattr__(self, "output", os.path.abspath(self.output))


def write_reports(run: ReportRun, *, show_progress: bool = True) -> dict:
    """Runs the graph on the Ray of `jobs.cluster` and returns the summary, which also lies in OUTPUT/summary.json.

    A part file is written once all its images are through, so a run that is killed leaves only whole ones.
    """
    started = time.monotonic()
    inputs = list_inputs(run.input)
    made_with, prompts = _made_with(run)
    results = Results(run.output)
    key = results.open(made_with, resume=run.resume)
    done = results.finished()
    remaining = [uri for uri in inputs.uris if uri not in done]
    parts = split_into_parts(remaining, run.rows_per_part)
    if parts:
        with ray_cluster():
            further = FurtherFiles(further_formats(run), results)
            _collect(_graph(run, parts, prompts, key), parts, results, further, show_progress)
    seconds = time.monotonic() - started
    summary = {
        **results.counts(),
        "skipped_files": dict(inputs.skipped),
        "this_run": {
            "images": len(remaining),
            "already_done": len(inputs.uris) - len(remaining),
            "seconds": round(seconds, 2),
            "images_per_second": round(len(remaining) / seconds, 2),
        },
        "result_set": key,
    }
    results.write("summary.json", json.dumps(summary, indent=1, ensure_ascii=False).encode())
    return summary


def _made_with(run: ReportRun) -> tuple[dict, Prompts]:
    """What decides a report besides the image (the model is loaded once here, so a broken one stops the run early)."""
    from chex import Chex
    from chex.inference.report import PromptSet, ReportWriter, default_prompts

    with model_folder_on_disk(run.model) as folder:
        model = Chex.load(folder, device="cpu")
    prompts = default_prompts() if run.prompts is None else PromptSet(*read_prompts(run.prompts))
    provenance = ReportWriter(model).provenance(prompts, input_sha256="")
    description = {
        "model": [provenance.model_name, provenance.model_version, provenance.weights_sha256],
        "prompts": [prompts.name, [[query.name, query.text, query.box] for query in prompts.queries]],
        "thresholds": dict(provenance.thresholds),
        "software": provenance.software_version,
    }
    # as JSON gives it back, so that an earlier result set compares equal
    return json.loads(json.dumps(description)), (prompts.name, tuple(prompts.queries))


def further_formats(run: ReportRun) -> tuple[str, ...]:
    """The chosen formats besides the rows that are always written."""
    return tuple(name for name in run.formats if name != "parquet")


def _graph(run: ReportRun, parts: Sequence[Part], prompts: Prompts, key: str) -> Iterator[pa.Table]:
    import ray
    from ray.data import ActorPoolStrategy

    quieten_ray_data()
    place = place_for_actors(run.device, run.detectors + run.generators)
    extra = further_formats(run)
    needs = needs_of(extra)
    # no block reaches beyond its part: numbers depend on their batch in the last digits, so a run that goes on gives
    # the very same ones only where an image meets the same neighbours again
    blocks = [
        pa.table({"uri": uris, "part": [part.name] * len(uris)})
        for part in parts
        for uris in (part.uris[start : start + run.batch_size] for start in range(0, len(part.uris), run.batch_size))
    ]
    # with a GPU Ray wants a number, and puts together again what a part leaves over
    batch_size = run.batch_size if place.device == "cuda" else None
    common = {"batch_format": "pyarrow", "batch_size": batch_size, "zero_copy_batch": True}
    dataset = (
        ray.data.from_arrow(blocks)
        .map_batches(read_images, fn_kwargs={"keep_header": "header" in needs}, **common)
        .map_batches(
            Detector,
            fn_constructor_args=(run.model, place.device, prompts),
            compute=ActorPoolStrategy(size=run.detectors),
            **place.resources,
            **common,
        )
        .map_batches(
            Writer,
            fn_constructor_args=(run.model, place.device, prompts, key, needs),
            compute=ActorPoolStrategy(size=run.generators),
            **place.resources,
            **common,
        )
        .map_batches(export, fn_kwargs={"chosen": extra, "output": run.output}, **common)
    )
    return dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1)


def _collect(
    batches: Iterator[pa.Table], parts: Sequence[Part], results: Results, further: FurtherFiles, show_progress: bool
) -> None:
    from tqdm import tqdm

    missing = {part.name: len(part.uris) for part in parts}
    reports: dict[str, list[dict]] = defaultdict(list)
    unusable: dict[str, list[dict]] = defaultdict(list)
    with tqdm(total=sum(missing.values()), desc="reports", unit="image", disable=not show_progress) as bar:
        for batch in batches:
            columns = (batch[name].to_pylist() for name in ("part", "row", "pieces"))
            for part, data, pieces in zip(*columns, strict=True):
                row = pickle.loads(data)
                further.add(part, row["uri"], pickle.loads(pieces))
                (unusable if "stage" in row else reports)[part].append(row)
                missing[part] -= 1
                if missing[part] == 0:
                    further.write(part)
                    results.write_part(part, reports.pop(part, []), unusable.pop(part, []))
            bar.update(batch.num_rows)
    unfinished = sum(1 for count in missing.values() if count)
    if unfinished:
        raise RuntimeError(f"{unfinished} of {len(missing)} parts did not get all their images through")
