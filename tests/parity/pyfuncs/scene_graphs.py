"""Scene graphs become rows and targets: which images, in which split, with which boxes, sentences and labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tests.parity.cases import Case
from tests.parity.comparison import Compared, NotCompared
from tests.parity.pyfuncs.graph_files import compared_files
from tests.parity.pyfuncs.graph_rows import compared_row, recorded_names
from tests.parity.pyfuncs.graph_targets import class_labels, region_tensors
from tests.parity.pyfuncs.recorded_graphs import Converted, convert, objects
from tests.parity.registry import Found, check

SPLITS = {"valid": "validate"}  # the dataset's own name
RULES = ("rows_cig_split", "rows_cigmimic_split", "rows_cig_noleak", "rows_cig_nogoldleak")
TENSORS = {"tensors_center0": "stretch", "tensors_center1": "center_crop"}
PARTLY = ("merged_rows", "files", "anatomy_class_labels", *TENSORS)


@check("cig")
def cig(case: Case) -> Found:
    recorded = case.extra
    graphs, images, rows, classes = (
        recorded[name] for name in ("scene_graphs", "mimic_meta", "merged_rows", "anatomy_class_labels")
    )
    names = recorded_names(classes["class_names"])
    ours = convert(graphs, images)
    # ours keeps an image with a region twice; there it is dropped when the files are joined
    once = {image: one for image, one in ours.items() if not one.twice}
    found: dict = {f"extra.{name}": NotCompared("compared part by part below") for name in PARTLY}
    found |= {f"extra.{name}": NotCompared("what the case is given") for name in ("scene_graphs", "mimic_meta")}
    found |= {"extra.note": NotCompared("a remark"), "extra.box_stats": _shares(ours, case)}
    for name in RULES:
        splits = {image: SPLITS.get(split, split) for image, split in recorded[name]}
        found[f"extra.{name}"] = ({image: one.study.split for image, one in once.items()}, splits)
    found["merged_rows"] = (sorted(once), sorted(row["dicom_id"] for row in rows))
    for row in rows:
        image = row["dicom_id"]
        found |= {f"{image}.{part}": value for part, value in compared_row(row, once[image], names).items()}
    found |= compared_files(recorded["files"], ours, graphs, images, names)
    for name, fit in TENSORS.items():
        found |= {f"{name}.{part}": value for part, value in region_tensors(recorded[name], once, fit).items()}
    tensors = recorded["tensors_center1"]
    parts = class_labels(classes, [once[image] for image in tensors["dicom_id"]], tensors["anatomy_names"], names)
    return found | {f"anatomy_class_labels.{part}": value for part, value in parts.items()}


def _shares(ours: Mapping[str, Converted], case: Case) -> Compared:
    """Valid boxes of a region per kept image. Those of images that have too few boxes to be kept count as well."""
    size_of = {image["dicom_id"]: (image["H"], image["W"]) for image in case.extra["mimic_meta"]}
    counts = Counter(
        region
        for graph in case.extra["scene_graphs"]
        for region in {name for name, valid in objects(graph, *size_of[graph["image_id"]]) if valid}
    )
    recorded = case.extra["box_stats"]
    shares = {region: count / len(ours) for region, count in counts.items()}
    return Compared(dict.fromkeys(recorded, 0.0) | shares, recorded)
