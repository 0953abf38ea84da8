"""Recorded scene graphs, converted by this project's sources from files in the datasets' own layouts."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chex.records import Annotations, Study
from chex.vocabulary import load
from pipelines.adapters import LeftOut, open_source
from pipelines.adapters.chest_imagenome import region_boxes, region_statements
from pipelines.adapters.mimic_cxr_jpg import FRONTAL_VIEWS
from pipelines.report_text.sentences import distinct_sentences

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Converted:
    """One image of `height` × `width` pixels as this project's rows have it.

    unboxed: sentences and labels of names without a box, which no row of ours holds.
    twice: regions with several valid boxes, of which ours keeps the union.
    """

    study: Study
    height: int
    width: int
    annotations: Annotations
    unboxed: dict[str, tuple[tuple[str, ...], frozenset[str]]]
    twice: list[str]

    @property
    def boxes(self) -> dict[str, list[float]]:
        """x_min, y_min, x_max, y_max in pixels by region."""
        sides = (self.width, self.height) * 2
        return {r.region: [e * side for e, side in zip(r.box, sides, strict=True)] for r in self.annotations.anatomy}

    @property
    def sentences(self) -> dict[str, list[str]]:
        """Of every region or other name that has some."""
        boxed = {region.region: region.sentences for region in self.annotations.anatomy}
        unboxed = {name: sentences for name, (sentences, _) in self.unboxed.items()}
        return {name: list(sentences) for name, sentences in (boxed | unboxed).items() if sentences}

    @property
    def labels(self) -> dict[str, frozenset[str]]:
        """cig labels that are affirmed of a region or other name."""
        boxed = {region.region: frozenset(region.labels_present) for region in self.annotations.anatomy}
        return boxed | {name: labels for name, (_, labels) in self.unboxed.items()}


def convert(graphs: Sequence[Entry], images: Sequence[Entry]) -> dict[str, Converted]:
    """What is made of every image that our rules keep, by its id."""
    graph_of = {graph["image_id"]: graph for graph in graphs}
    size_of = {image["dicom_id"]: (image["H"], image["W"]) for image in images}
    found = {}
    with TemporaryDirectory() as folder:
        _write_images(Path(folder, "mimic"), images)
        _write_graphs(Path(folder, "imagenome"), graphs)
        source = open_source("chest-imagenome", str(Path(folder, "imagenome")))
        for study in open_source("mimic-cxr-jpg", str(Path(folder, "mimic"))).studies():
            size, graph = size_of[study.image_id], graph_of[study.image_id]
            try:
                annotations = source.annotations(study, *size)
            except LeftOut:
                continue
            names = [name for name, valid in objects(graph, *size) if valid]
            twice = sorted({name for name in names if names.count(name) > 1})
            found[study.image_id] = Converted(study, *size, annotations, _unboxed(graph, annotations), twice)
    return found


def objects(graph: Entry, height: int, width: int) -> list[tuple[str, bool]]:
    """The region of every object of a frontal image, and whether our source takes its box."""
    named = [each for each in graph["objects"] if each["bbox_name"] in load().regions]
    frontal = graph["viewpoint"] in FRONTAL_VIEWS
    return [(each["bbox_name"], bool(region_boxes([each], height, width))) for each in named if frontal]


def _unboxed(graph: Entry, annotations: Annotations) -> dict[str, tuple[tuple[str, ...], frozenset[str]]]:
    phrases, labels = region_statements(graph["attributes"])
    names = (phrases.keys() | labels.keys()) - {region.region for region in annotations.anatomy}
    return {name: (distinct_sentences(phrases.get(name, ())), frozenset(labels.get(name, ()))) for name in names}


def _write_images(folder: Path, images: Sequence[Entry]) -> None:
    columns = ("dicom_id", "subject_id", "study_id")
    for name, column, value in (("metadata", "ViewPosition", "view"), ("split", "split", "split")):
        rows = [(*(image[key] for key in columns), image[value]) for image in images]
        _write_table(folder / f"mimic-cxr-2.0.0-{name}.csv", (*columns, column), rows)


def _write_graphs(folder: Path, graphs: Sequence[Entry]) -> None:
    _write_table(folder / "silver_dataset" / "splits" / "images_to_avoid.csv", ("dicom_id", "subject_id"), [])
    for graph in graphs:
        path = folder / "silver_dataset" / "scene_graph" / f"{graph['image_id']}_SceneGraph.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(graph), encoding="utf-8")


def _write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
