"""Notes which image, study and patient is in which split, and finds what is listed twice or is in two splits.

Identifiers are kept as hashes of 8 bytes: 26 bytes for each image, and no message names a patient.
"""

from __future__ import annotations

import hashlib
from array import array

import numpy as np

from chex.records import Study
from pipelines.adapters import SourceError
from pipelines.raw.identifiers import EXPECTED, is_plain
from pipelines.splits import SPLITS

_SHOWN = 3


class SplitLedger:
    """Add every study of a plan, then `check` once."""

    def __init__(self) -> None:
        self._images, self._studies, self._patients = array("Q"), array("Q"), array("Q")
        self._splits, self._datasets = array("B"), array("B")
        self._names: list[str] = []

    def add(self, study: Study) -> None:
        """Raise SourceError if its split is none, or an identifier could lead out of the dataset's folder."""
        for name in ("image_id", "study_id", "patient_id"):
            if not is_plain(getattr(study, name)):
                raise SourceError(
                    f"{study.public_id} (a hash of its sample_id): {name}: expected {EXPECTED}; found something else"
                )
        if study.split not in SPLITS:
            raise SourceError(
                f"{study.public_id} (a hash of its sample_id): split {study.split!r} is none of {', '.join(SPLITS)}"
            )
        if study.dataset not in self._names:
            self._names.append(study.dataset)
        # the first 12 digits of an image's hash are those of its public_id
        self._images.append(int.from_bytes(hashlib.sha256(study.sample_id.encode()).digest()[:8], "big"))
        self._studies.append(_hash(study.dataset, study.study_id))
        self._patients.append(_hash(study.dataset, study.patient_id))
        self._splits.append(SPLITS.index(study.split))
        self._datasets.append(self._names.index(study.dataset))

    def check(self) -> None:
        """Raise one SourceError for everything that is wrong, naming images by their public ids."""
        faults = [*self._listed_twice()]
        for thing, keys in (("studies", self._studies), ("patients", self._patients)):
            faults += self._in_two_splits(thing, np.frombuffer(keys, np.uint64))
        if faults:
            raise SourceError("; ".join(faults))

    def _listed_twice(self) -> list[str]:
        images, first, counts = np.unique(np.frombuffer(self._images, np.uint64), return_index=True, return_counts=True)
        repeated = first[counts > 1]
        if not len(repeated):
            return []
        named = ", ".join(self._public_id(index) for index in repeated[:_SHOWN])
        return [f"{len(repeated)} of {len(images)} images are listed twice: {named} (hashes of their sample_ids)"]

    def _in_two_splits(self, thing: str, keys: np.ndarray) -> list[str]:
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
        splits = np.frombuffer(self._splits, np.uint8)
        elsewhere = np.flatnonzero(splits != splits[first][group])
        if not len(elsewhere):
            return []
        number = len(np.unique(keys[elsewhere]))
        examples = [
            f"{self._named(first[group[index]])} beside {self._named(index)}"
            for index in elsewhere[np.unique(keys[elsewhere], return_index=True)[1]][:_SHOWN]
        ]
        found = f"found {number} {thing} with images in several: {', '.join(examples)} (hashes of sample_ids)"
        return [f"expected each of the {thing} in one split; {found}"]

    def _named(self, index: int) -> str:
        return f"{self._public_id(index)} ({SPLITS[self._splits[index]]})"

    def _public_id(self, index: int) -> str:
        return f"{self._names[self._datasets[index]]}/{self._images[index]:016x}"[:-4]


def _hash(*names: str) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(names).encode(), digest_size=8).digest(), "big")
