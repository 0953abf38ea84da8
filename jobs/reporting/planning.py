"""Before anything is reported on: what makes the reports, which images there are, and which of them are new."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, replace
from itertools import chain

from chex.records import Provenance, Query
from jobs.reporting.config import ReportRun
from jobs.reporting.distinct_uris import new_uris
from jobs.reporting.inputs import list_images
from jobs.reporting.part import ModelInput
from jobs.reporting.plan import FOLDER, Plan, add_to_plan, planned_uris, read_plan
from jobs.reporting.prompts import read_prompts
from jobs.reporting.results import Results
from pipelines.model_folder import model_folder_on_disk
from pipelines.output_folder import OutputFolder


@dataclass(frozen=True, slots=True)
class Maker:
    """What decides a report besides the image."""

    made_with: dict
    queries: tuple[Query, ...]
    provenance: Provenance  # of every report, but for the image
    model_input: ModelInput


def planned_run(run: ReportRun, left_alone: Counter[str] | None = None) -> tuple[Plan, Maker, str]:
    """Checks and lists everything, and writes the plan; needs no Ray. The last one is the result set's key."""
    maker, results = _maker(run), Results(run.output)
    settings = {
        "formats": ["parquet", *run.further_formats],
        "report_anyway": run.report_anyway,
        "deidentification_key": run.deidentifier.fingerprint if run.deidentifier else None,
    }
    results.check(maker.made_with, settings, resume=run.resume)
    left_alone = Counter() if left_alone is None else left_alone
    folder = OutputFolder(run.plan_folder)
    plan = _plan_of(results, folder)
    with new_uris(list_images(run.input, left_alone), planned_uris(folder, plan)) as uris:
        first = next(uris, None)
        if first is None and not plan.parts:
            left = ", ".join(f"{count} × {kind}" for kind, count in left_alone.most_common()) or "it is empty"
            raise ValueError(f"the input {run.input} has no image; found: {left}")
        # the result set first: a plan without one is of results that were thrown away
        key = results.begin(maker.made_with, settings, plan.id)
        uris = chain(() if first is None else (first,), uris)
        return add_to_plan(folder, plan, uris, run.rows_per_part), maker, key


def _plan_of(results: Results, folder: OutputFolder) -> Plan:
    """The plan of these results, or a new one where nothing is there. Raises ValueError if they do not go together."""
    plan, id, output = read_plan(folder), results.plan_id(), results.folder.root
    if plan.parts and id is None:
        raise ValueError(
            f"{folder.uri(FOLDER)} is the plan of reports that are no longer in {output}: remove it, restore them, or name "
            "another folder"
        )
    if plan.parts and id != plan.id:
        raise ValueError(
            f"{folder.uri(FOLDER)} is not the plan of the reports in {output}: restore the one that is, or name another "
            "folder"
        )
    if max(results.finished(), default=-1) >= plan.parts:
        raise ValueError(
            f"the plan of the reports in {output}, or a part of it, is not in {folder.uri(FOLDER)}: restore it, or name "
            "another folder"
        )
    return replace(plan, id=uuid.uuid4().hex if id is None else id)


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
