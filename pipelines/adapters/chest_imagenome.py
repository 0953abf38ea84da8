"""Chest ImaGenome 1.0.0 (silver set): boxes, sentences and labels of anatomical regions on MIMIC-CXR images.

https://physionet.org/content/chest-imagenome; MIMIC-CXR's own splits hold, and the gold set's images never train.
"""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cached_property

from chex.records import Annotations, Box, Region, Study
from chex.vocabulary import load
from pipelines.adapters import LeftOut, UnusableInput
from pipelines.adapters.mimic_cxr_jpg import DATASET, FRONTAL_VIEWS
from pipelines.raw.archive import SmallFiles
from pipelines.raw.boxes import box_numbers, relative_box
from pipelines.raw.folder import RawFolder
from pipelines.raw.table_checks import require_identifiers, spelled
from pipelines.report_text.sentences import distinct_sentences

LEAST_BOXES = 5
_LABEL_CATEGORIES = ("anatomicalfinding", "disease")
_CORNERS = ("original_x1", "original_y1", "original_x2", "original_y2")


class Source:
    """Scene graphs by image, from `silver_dataset/scene_graph/` or the zip archive beside it."""

    datasets = (DATASET,)
    _gold_columns = ("dicom_id",)

    def __init__(self, root: str) -> None:
        self.folder = RawFolder(root)
        self._graphs = SmallFiles(
            self.folder, folder_name="silver_dataset/scene_graph", archive_name="silver_dataset/scene_graph.zip"
        )

    def check(self) -> None:
        self._graphs.check()
        self.folder.columns(self._gold_tables, self._gold_columns)
        _ = self._gold_images

    def annotations(self, study: Study, height: int, width: int) -> Annotations | None:
        if study.split == "train" and study.image_id in self._gold_images:
            raise LeftOut("image of Chest ImaGenome's gold set (images_to_avoid.csv) in the training split")
        content = self._graphs.read(f"{study.image_id}_SceneGraph.json")
        if content is None:
            return None
        try:
            return self._read(json.loads(content), height, width)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason = f"the key {error} is missing" if isinstance(error, KeyError) else getattr(error, "reason", error)
            raise UnusableInput(
                "annotate", f"the image's _SceneGraph.json: {' '.join(str(reason).split())[:200]}"
            ) from error

    @staticmethod
    def _read(graph: dict, height: int, width: int) -> Annotations:
        if not isinstance(graph, dict):
            raise TypeError(f"expected an object of keys and values; found {type(graph).__name__}")
        if graph["viewpoint"] not in FRONTAL_VIEWS:
            raise LeftOut(f"scene graph of view {spelled(str(graph['viewpoint'] or ''))}, neither AP nor PA")
        boxes = region_boxes(graph["objects"], height, width)
        if len(boxes) < LEAST_BOXES:
            raise LeftOut(f"scene graph with fewer than {LEAST_BOXES} valid region boxes")
        phrases, labels = region_statements(graph["attributes"])
        return Annotations(
            anatomy=tuple(
                Region(
                    region=name,
                    box=boxes[name],
                    sentences=distinct_sentences(phrases[name]) if name in phrases else (),
                    labels_present=tuple(label for label in load().labels_of("cig") if label in labels.get(name, ())),
                    labelled=name in phrases,
                )
                for name in load().regions
                if name in boxes
            )
        )

    @property
    def _gold_tables(self) -> tuple[str, ...]:
        return "silver_dataset/splits/images_to_avoid.csv", "silver_dataset/images_to_avoid.csv"

    @cached_property
    def _gold_images(self) -> frozenset[str]:
        table = self.folder.table(self._gold_tables, self._gold_columns)
        require_identifiers(self.folder.uri(self.folder.first_of(self._gold_tables)), table, self._gold_columns)
        return frozenset(table["dicom_id"].to_pylist())


def region_boxes(objects: list[dict], height: int, width: int) -> dict[str, Box]:
    """The valid boxes of known regions, relative, clipped to the image; of a region named twice the union."""
    boxes: dict[str, Box] = {}
    for entry in objects:
        name = entry["bbox_name"]
        if name not in load().regions:
            continue
        box = relative_box(box_numbers([entry[corner] for corner in _CORNERS]), height, width)
        if box is None:
            continue
        other = boxes.get(name, box)
        boxes[name] = (min(box[0], other[0]), min(box[1], other[1]), max(box[2], other[2]), max(box[3], other[3]))
    return boxes


def region_statements(attributes: list[dict]) -> tuple[dict[str, list[str]], dict[str, set[str]]]:
    """Of every region that the report speaks of: its phrases, and the cig labels that a phrase affirms."""
    known = frozenset(load().labels_of("cig"))
    phrases: dict[str, list[str]] = defaultdict(list)
    labels: dict[str, set[str]] = defaultdict(set)
    for entry in attributes:
        name = entry["bbox_name"]
        if not isinstance(entry["phrases"], list) or not all(isinstance(text, str) for text in entry["phrases"]):
            raise TypeError("the key 'phrases' holds a list of texts; found something else")
        if entry["phrases"]:
            phrases[name] += entry["phrases"]
        for statement in (statement for statements in entry["attributes"] for statement in statements):
            category, relation, finding = statement.split("|", 2)
            if category in _LABEL_CATEGORIES and relation == "yes" and f"cig/{finding}" in known:
                labels[name].add(f"cig/{finding}")
    return dict(phrases), dict(labels)
