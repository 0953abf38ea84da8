"""Writes synthetic chest radiographs with known truth, in the raw layouts of the datasets they stand for."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.phantoms.planned import PlannedStudy

_EPILOG = """\
Two thirds of the studies are written as MIMIC-CXR studies (one frontal image each, with report and scene graph),
one third as VinDr-CXR images. Below the output folder lie

  mimic-cxr-jpg/      files/pNN/.../*.jpg, mimic-cxr-2.0.0-{metadata,split,chexpert,negbio}.csv.gz
  mimic-cxr-reports/  files/pNN/.../sNNNNNNNN.txt
  chest-imagenome/    silver_dataset/{scene_graph,splits}
  vindr-cxr/          train, test (.dicom), annotations
  ms-cxr/             MS_CXR_Local_Alignment_v1.0.0.csv
  truth.jsonl         one line per image: findings with boxes, regions, report and what each sentence states

With --nih N, N more patients' images lie in nih-cxr14/ (images, Data_Entry_2017_v2020.csv, BBox_List_2017.csv and the
two lists); half of them test, a quarter validates. The other files stay as they are without.
With --splits, the converted data has exactly so many images of each split, of all these datasets: a third of the
training images are VinDr-CXR images, none NIH images.

The same --seed gives the same files, whatever the number of workers.
example: python -m jobs.phantoms --output demo/raw --studies 300 --seed 1
         python -m jobs.phantoms --output raw --splits 4000 400 600 --seed 2026
"""


def main(arguments: list[str] | None = None) -> None:
    parser = _parser()
    options = parser.parse_args(arguments)
    from jobs.local_folder import local_folder
    from pipelines.phantoms.planned_splits import plan_splits, plan_with_nih

    if options.splits and options.nih:
        parser.error("--nih goes with --studies; --splits has NIH images of its own")
    try:
        if options.splits:
            plan = plan_splits(*options.splits, options.seed)
        else:
            plan = plan_with_nih(options.studies, options.nih, options.seed)
        write_with_bar(local_folder(options.output), plan, image_size=options.image_size, workers=options.workers)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def write_with_bar(
    output: Path, plan: Sequence[PlannedStudy], *, image_size: int = 256, workers: int | None = None
) -> None:
    """Writes planned phantoms into the new folder `output`, by default on as many processes as there are cores."""
    # every process works on one image at a time: more threads each would only stand in each other's way
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from tqdm import tqdm

    from pipelines.phantoms.studies import write_planned

    workers = len(os.sched_getaffinity(0)) if workers is None else workers
    with tqdm(total=len(plan), desc="phantoms", unit="study") as bar:
        write_planned(output, plan, image_size=image_size, workers=workers, on_study=bar.update)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.phantoms",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a new or empty folder")
    number = parser.add_mutually_exclusive_group(required=True)
    number.add_argument("--studies", type=int, metavar="N", help="how many images in all")
    sizes = ("TRAIN", "VALIDATE", "TEST")
    number.add_argument("--splits", type=int, nargs=3, metavar=sizes, help="or how many images of each split")
    parser.add_argument("--nih", type=int, default=0, metavar="N", help="more images, as NIH ChestX-ray14 (default 0)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="what all is drawn from (default 0)")
    parser.add_argument(
        "--image-size", type=int, default=256, metavar="PIXELS", help="longer side of an image (default 256)"
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, metavar="W", help="processes (default: one per core)"
    )
    return parser


if __name__ == "__main__":
    main()
