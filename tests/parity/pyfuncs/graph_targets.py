"""Regions as training targets: their boxes in the model image, grouped ones, classes and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from chex.augmentation import frame_annotations
from chex.geometry import Frame
from chex.queries.anatomy import anatomy_targets, region_findings
from chex.queries.targets import AnatomyTargets
from chex.records import Annotations
from chex.vocabulary import load
from tests.parity.cases import parts_of
from tests.parity.comparison import Compared, NotCompared
from tests.parity.pyfuncs.recorded_graphs import Converted


def region_tensors(recorded: Mapping[str, Any], ours: Mapping[str, Converted], fit: str) -> dict[str, Any]:
    """Boxes of regions and of parts of grouped regions, 0 where there is none, and which there are."""
    images, names, grouped, boxes, present, parts, parts_present = parts_of(
        recorded, "dicom_id", "anatomy_names", "multi_anatomy_names", "anatomy_bboxes", "anatomy_present_masks",
        "anatomy_multiboxes", "anatomy_multibox_masks",
    )  # fmt: skip
    frames = [Frame(ours[image].height, ours[image].width, size=1, fit=fit) for image in images]
    targets = _targets([frame_annotations(ours[i].annotations, frame) for i, frame in zip(images, frames, strict=True)])
    place = {name: q for q, name in enumerate(targets.regions)}
    found = torch.where(targets.present[..., None], targets.boxes_cxcywh, 0.0)
    single = [place[name] for name in names]
    # grouped regions ask for all their parts; those that lack one are made of the parts that are there
    whole = torch.stack([targets.present[:, place[name]].all(dim=-1) for name in grouped], dim=1)
    groups = [place[name] for name in grouped]
    members = torch.tensor([[place[part] for part in load().grouped[name].parts] for name in grouped])
    there = torch.where(whole[..., None], targets.present[:, groups], targets.present[:, members, 0])
    return {
        "dicom_id": (sorted(ours), sorted(images)),
        "anatomy_names": NotCompared("what the case is given"),
        "multi_anatomy_names": NotCompared("what the case is given"),
        "anatomy_bboxes": (found[:, single, 0], torch.tensor(boxes)),
        "anatomy_present_masks": (targets.present[:, single, 0], torch.tensor(present)),
        "anatomy_multiboxes": (
            torch.where(whole[..., None, None], found[:, groups], found[:, members, 0]), torch.tensor(parts)
        ),
        "anatomy_multibox_masks": (there, torch.tensor(parts_present)),
    }  # fmt: skip


def class_labels(
    recorded: Mapping[str, Any], ours: list[Converted], regions: list[str], names: Mapping[str, str]
) -> dict[str, Any]:
    """Which labels a region has, and its sentences. Regions without a box are no targets of ours: see `unboxed`."""
    classes, labels, sentences = parts_of(recorded, "class_names", "labels", "sentences")
    targets = _targets([one.annotations for one in ours])
    columns = [_column(names, name) for name in classes]
    found = targets.labels[:, [targets.regions.index(region) for region in regions]][..., columns]
    for b, one in enumerate(ours):
        for name, (_, affirmed) in one.unboxed.items():
            if name in regions:
                found[b, regions.index(name)] = torch.tensor(
                    [label in {names[a] for a in affirmed} for label in classes]
                )
    return {
        "class_names": NotCompared("what the case is given"),
        "labels": Compared(found.double(), torch.tensor(labels, dtype=torch.float64), kind="exact"),
        "sentences": ([[one.sentences.get(region, []) for region in regions] for one in ours], sentences),
    }


def _targets(annotations: list[Annotations]) -> AnatomyTargets:
    generator = torch.Generator()
    return anatomy_targets(annotations, load(), generator, most_regions=len(load().regions) + len(load().grouped))


def _column(names: Mapping[str, str], recorded: str) -> int:
    label = next(label for label, name in names.items() if name == recorded)
    return region_findings(load()).index(load().finding_of(label).id)
