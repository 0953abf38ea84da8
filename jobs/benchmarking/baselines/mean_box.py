"""Without a look at the image: the mean training box of what is asked, and how often findings are there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from chex.inference.features import Answer
from chex.records import Query, Sample, ScoredBox
from chex.vocabulary import load
from jobs.benchmarking.baselines.blind import BlindSession, blind_answer
from jobs.benchmarking.subjects import Subject, subject_of
from jobs.evaluation.finding_boxes import FindingBoxes
from jobs.evaluation.region_boxes import RegionBoxes


def learn(train: Iterable[Sample]) -> dict[str, Any]:
    """JSON values: boxes of findings and regions, and how often a finding is in an image and in a region."""
    words = load()
    findings, regions, counts = FindingBoxes(), RegionBoxes(), _Counts()
    for sample in train:
        said = sample.annotations
        findings.learn(said)
        regions.learn(said)
        for label in said.pathology_labels:
            if label.value >= 0:
                counts.add("", words.finding_of(label.label).id, label.value)
        for region in said.anatomy:
            present = {words.finding_of(label).id for label in region.labels_present}
            for label in words.labels_of("cig") if region.labelled else ():
                finding = words.finding_of(label).id
                counts.add(region.region, finding, finding in present)
    return {"findings": findings.notes(), "regions": regions.notes(), "shares": counts.shares()}


@dataclass(frozen=True, slots=True)
class MeanBoxes:
    """device → session, from the file with what `learn` gave."""

    file: str
    parts: ClassVar[frozenset[str]] = frozenset({"boxes", "classes"})

    def __call__(self, device: str) -> MeanBoxSession:
        return MeanBoxSession(json.loads(Path(self.file).read_text(encoding="utf-8")))


class MeanBoxSession(BlindSession):
    """The mean box is what is shown; those of the image's halves are candidates as well, for what is on both sides."""

    parts = MeanBoxes.parts

    def __init__(self, learned: dict[str, Any]) -> None:
        super().__init__("mean boxes", learned)
        self._words = load()
        self._findings, self._regions = FindingBoxes(), RegionBoxes()
        self._findings.recall(learned["findings"])
        self._regions.recall(learned["regions"])
        self._shares = learned["shares"]

    def answer(self, query: Query, labels: Sequence[str]) -> Answer:
        """A sentence is answered by the mean box of its finding, on the side that it names."""
        subject = subject_of(query)
        shown, candidates = self._boxes(query, subject) if query.box is None else ([], [])
        region = self._regions.nearest(query.box) if query.box is not None else None
        probabilities = [(label, self._share(region or "", label)) for label in labels]
        if subject and subject.kind == "finding":
            probabilities.insert(0, (subject.name, self._share("", subject.name)))
        return blind_answer(query, shown, probabilities, candidates)

    def _boxes(self, query: Query, subject: Subject | None) -> tuple[list[ScoredBox], list[ScoredBox]]:
        """What is shown, and all that it was chosen from; never empty."""
        if subject and subject.kind == "region":
            boxes = [ScoredBox(box, 1.0) for box in self._regions.of(subject.name)]
            if boxes:
                return boxes, boxes
        label = self._words.findings[subject.name].labels[0] if subject and subject.kind == "finding" else _ANY
        sided = self._findings.on_side(label, query.text or "")
        halves = self._findings.halves(label) if query.name else []
        return sided, [*sided, *halves]

    def _share(self, region: str, label: str) -> float:
        """Of the training images, or regions of this name, that say anything of the finding, how many have it."""
        finding = label if label in self._words.findings else self._words.finding_of(label).id
        of_region = self._shares.get(region, {})
        return of_region[finding] if finding in of_region else self._shares.get("", {}).get(finding, 0.5)


_ANY = "chexpert/Lung Opacity"  # without boxes of its own in any data set: the mean of all findings


class _Counts:
    """How often findings are present where something is known of them, by place: a region's name, "" for the image."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, list[int]]] = {}

    def add(self, place: str, finding: str, present: int | bool) -> None:
        count = self._counts.setdefault(place, {}).setdefault(finding, [0, 0])
        count[0] += int(present)
        count[1] += 1

    def shares(self) -> dict[str, dict[str, float]]:
        return {
            place: {finding: present / known for finding, (present, known) in found.items()}
            for place, found in self._counts.items()
        }
