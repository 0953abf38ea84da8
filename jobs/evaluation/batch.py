"""A batch of samples that is encoded once, however many tasks ask about it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chex.inference.features import Answer
from chex.inference.session import Session
from chex.pixels import decode_stored
from chex.records import Finding, Query, Sample

Written = tuple[tuple[Finding, ...], str]  # a report: its findings, and its text


class Encoded:
    """The features of some samples, and every answer that was already given about them."""

    def __init__(self, session: Session, samples: Sequence[Sample], images: Sequence[np.ndarray] | None = None) -> None:
        self.session = session
        self.samples = tuple(samples)
        images = [decode_stored(sample.image) for sample in samples] if images is None else images
        self.images = tuple(images)
        self.features = session.encode(images)
        # only this project's own reader tells: the answers of baselines never interact
        self._as_one = getattr(session.reader, "queries_see_each_other", False)
        self._answers: dict[tuple[int, tuple[Query, ...], tuple[str, ...]], list[Answer]] = {}
        self._reports: dict[tuple[int, tuple[Query, ...]], Written] = {}

    def ask(
        self, places: Sequence[int], queries: Sequence[Sequence[Query]], labels: tuple[str, ...]
    ) -> list[list[Answer]]:
        """Answers about the images at `places`; asks only what was not asked before.

        Where an image's queries see each other, only the answers to all of the same queries are used again.
        """
        groups = [[tuple(asked)] if self._as_one else [(query,) for query in asked] for asked in queries]
        missing = [
            [group for group in dict.fromkeys(of_image) if (place, group, labels) not in self._answers]
            for place, of_image in zip(places, groups, strict=True)
        ]
        open_places = [index for index, of_image in enumerate(missing) if of_image]
        found = self.session.reader.detect(
            [self.features[places[index]] for index in open_places],
            [[query for group in missing[index] for query in group] for index in open_places],
            labels,
        )
        for index, answers in zip(open_places, map(iter, found), strict=True):
            for group in missing[index]:
                self._answers[places[index], group, labels] = [next(answers) for _ in group]
        return [
            [answer for group in of_image for answer in self._answers[place, group, labels]]
            for place, of_image in zip(places, groups, strict=True)
        ]

    def write(self, places: Sequence[int], queries: tuple[Query, ...]) -> list[Written]:
        """Reports on the images at `places`; writes only those that were not written before."""
        missing = [place for place in places if (place, queries) not in self._reports]
        if missing:
            reports = self.session.reports
            selected = [reports.select(found) for found in self.ask(missing, [queries] * len(missing), ())]
            sentences = self.session.writer.describe(selected)
            for place, answers, said in zip(missing, selected, sentences, strict=True):
                self._reports[place, queries] = reports.compose(answers, said)
        return [self._reports[place, queries] for place in places]


class Batch:
    """The samples of an encoded batch that one task wants."""

    def __init__(self, encoded: Encoded, places: Sequence[int]) -> None:
        self._encoded = encoded
        self._places = list(places)

    @property
    def session(self) -> Session:
        return self._encoded.session

    @property
    def samples(self) -> list[Sample]:
        return [self._encoded.samples[place] for place in self._places]

    @property
    def images(self) -> list[np.ndarray]:
        """The samples' decoded images (H, W) uint8."""
        return [self._encoded.images[place] for place in self._places]

    def ask(self, queries: Sequence[Sequence[Query]], labels: Sequence[str] = ()) -> list[list[Answer]]:
        """Answers to each sample's own queries."""
        return self._encoded.ask(self._places, queries, tuple(labels))

    def ask_all(self, queries: Sequence[Query]) -> list[list[Answer]]:
        """Answers to the same queries about every sample."""
        return self.ask([queries] * len(self._places))

    def reports(self, queries: Sequence[Query]) -> list[Written]:
        """Every sample's report on these prompts: findings that have a sentence, and the text."""
        return self._encoded.write(self._places, tuple(queries))
