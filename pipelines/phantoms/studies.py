"""Makes phantoms and writes them in the raw layouts of the datasets, on as many processes as asked for."""

from __future__ import annotations

import functools
import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pipelines.phantoms import write_imagenome, write_mimic, write_mscxr, write_nih, write_vindr
from pipelines.phantoms.planned import PlannedStudy, plan_studies
from pipelines.phantoms.reports import PhantomReport, write_report
from pipelines.phantoms.tables import write_table
from pipelines.phantoms.truth import PhantomImage

TRUTH = "truth.jsonl"
_CHUNK = 8  # studies a process takes at a time


@dataclass(frozen=True, slots=True)
class WrittenStudy:
    """One study after its files are written: its rows of the tables, and its line of the truth file."""

    rows: dict[str, list]
    truth: str


def write_phantoms(
    output: Path,
    *,
    studies: int,
    seed: int,
    image_size: int = 256,
    workers: int = 1,
    on_study: Callable[[], None] = lambda: None,
) -> None:
    """Writes the phantoms that `plan_studies` plans, as `write_planned` does; ValueError as from both."""
    plan = plan_studies(studies, seed)
    write_planned(output, plan, image_size=image_size, workers=workers, on_study=on_study)


def write_planned(
    output: Path,
    plan: Sequence[PlannedStudy],
    *,
    image_size: int = 256,
    workers: int = 1,
    on_study: Callable[[], None] = lambda: None,
) -> None:
    """Writes the phantoms of a plan into the empty or missing folder `output`, the same bytes for any number of workers.

    `image_size` is the longer side in pixels; `on_study` is called once per written study.
    ValueError for a folder with something in it, an image size outside 64 to 2048 and less than one worker.
    """
    if not 64 <= image_size <= 2048:
        raise ValueError(f"the image size is the longer side in pixels, 64 to 2048; found {image_size}")
    if workers < 1:
        raise ValueError(f"the number of workers must be at least 1; found {workers}")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"the output {output} must be an empty or new folder, but there is something in it")
    output.mkdir(parents=True, exist_ok=True)
    columns = write_mimic.tables() | write_imagenome.TABLES | write_mscxr.TABLES | write_vindr.tables()
    nih = any(planned.dataset == "nih-cxr14" for planned in plan)
    if nih:
        columns |= write_nih.TABLES
    tables: dict[str, list] = {name: [] for name in columns}
    with (output / TRUTH).open("w", encoding="utf-8") as truth:
        for written in _written(plan, output, image_size, workers):
            for name, rows in written.rows.items():
                tables[name] += rows
            truth.write(written.truth + "\n")
            on_study()
    for name, rows in tables.items():
        write_table(output / name, columns[name], rows)
    if nih:
        write_nih.write_lists(output, plan)


def _written(plan: Sequence[PlannedStudy], output: Path, image_size: int, workers: int) -> Iterator[WrittenStudy]:
    write = functools.partial(write_study, output=output, image_size=image_size)
    if workers == 1:
        yield from map(write, plan)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(write, plan, chunksize=_CHUNK)


def write_study(planned: PlannedStudy, *, output: Path, image_size: int) -> WrittenStudy:
    """Makes one phantom and writes its files under `output`."""
    image = render_study(planned, image_size)
    report = write_report(image, planned.seed)
    if planned.dataset == "vindr-cxr":
        rows = write_vindr.write_vindr(output, planned, image)
    elif planned.dataset == "nih-cxr14":
        rows = write_nih.write_nih(output, planned, image)
    else:
        rows = write_mimic.write_mimic(output, planned, image, report)
        rows |= write_imagenome.write_imagenome(output, planned, image, report)
        if planned.grounded:
            rows |= write_mscxr.grounded_rows(planned, image, report)
    return WrittenStudy(rows, json.dumps(_truth(planned, image, report)))


def render_study(planned: PlannedStudy, image_size: int) -> PhantomImage:
    """The image of one study: its own exposure and diseases, in the patient's own body."""
    import numpy as np

    from pipelines.phantoms.habitus import draw_habitus
    from pipelines.phantoms.image import render

    patient = draw_habitus(np.random.default_rng(planned.patient_seed))
    exposure = draw_habitus(np.random.default_rng(planned.seed))
    body = {name: getattr(patient, name) for name in ("sex", "age", "scale", "breadth", "fat")}
    return render(planned.seed, image_size, habitus=replace(exposure, **body))


def _truth(planned: PlannedStudy, image: PhantomImage, report: PhantomReport) -> dict:
    height, width = image.pixels.shape
    sections = {"findings": report.findings, "impression": report.impression}
    return {
        "image_id": planned.image_id,
        "dataset": planned.dataset,
        "split": planned.split,
        "patient_id": planned.patient_id,
        "study_id": planned.study_id,
        "seed": planned.seed,
        "view": image.view,
        "sex": image.sex,
        "age": image.age,
        "height": height,
        "width": width,
        "pixel_spacing_mm": image.pixel_spacing_mm,
        "findings": [asdict(finding) for finding in image.findings],
        "regions": image.regions,
        "report": report.text,
        "sentences": [
            {"section": section} | asdict(sentence) for section, said in sections.items() for sentence in said
        ],
    }
