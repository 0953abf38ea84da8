"""For every kind of source, what breaks one image's annotation and what lets a rule leave one out.

A new kind needs an entry in ANNOTATION_FAULTS; tests/pipelines/conversion/test_manifest_sums.py fails without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.pipelines.bad_input import bad_tables
from tests.pipelines.small_sources import SmallSource
from tests.pipelines.small_sources.chest_imagenome import scene_graph


def _lateral(small: SmallSource) -> None:
    bad_tables.set_cell(small.root / "mimic-cxr-2.0.0-metadata.csv.gz", "ViewPosition", "LATERAL", row=1)


def _broken_report(small: SmallSource) -> None:
    small.annotations[0].write_bytes(b"")


def _half_a_graph_and_a_small_one(small: SmallSource) -> None:
    small.annotations[0].write_bytes(small.annotations[0].read_bytes()[:100])
    few = scene_graph()
    small.annotations[1].write_text(json.dumps(few | {"objects": few["objects"][:4]}))


def _box_outside(small: SmallSource) -> None:
    bad_tables.set_cell(small.root / "MS_CXR_Local_Alignment_v1.0.0.csv", "x", "5000")


def _box_of_nan(small: SmallSource) -> None:
    bad_tables.set_cell(small.root / "annotations/annotations_train.csv", "x_max", "nan")


def _unknown_label_and_unlisted(small: SmallSource) -> None:
    bad_tables.set_cell(small.root / "Data_Entry_2017_v2020.csv", "Finding Labels", "Rickets")
    listed = small.root / "train_val_list.txt"
    listed.write_text(listed.read_text().replace(f"{small.images[1].name}\n", ""))


def _half_a_report_and_a_lateral(small: SmallSource) -> None:
    small.annotations[0].write_bytes(small.annotations[0].read_bytes()[:300])
    bad_tables.set_cell(small.root / "indiana_projections.csv", "projection", "Lateral", row=2)


# kind -> what to do, how many images it quarantines, how many it leaves out; it touches the first two images
ANNOTATION_FAULTS: dict[str, tuple[Callable[[SmallSource], None], int, int]] = {
    "chest-imagenome": (_half_a_graph_and_a_small_one, 1, 1),
    "mimic-cxr-dicom": (_lateral, 0, 1),
    "mimic-cxr-jpg": (_lateral, 0, 1),
    "mimic-cxr-reports": (_broken_report, 1, 0),
    "ms-cxr": (_box_outside, 1, 0),
    "nih-cxr14": (_unknown_label_and_unlisted, 1, 1),
    "open-i": (_half_a_report_and_a_lateral, 1, 1),
    "vindr-cxr": (_box_of_nan, 1, 0),
}
