"""Where is what each sentence of a reference report describes? MS-CXR's boxes of its phrases, else regions' boxes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chex.records import Annotations, Box

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlacedSentence:
    """`boxes` (x_min, y_min, x_max, y_max), relative; `places` (one per box): a label of MS-CXR's, or a region's name."""

    sentence: str
    boxes: tuple[Box, ...] = ()
    places: tuple[str, ...] = ()


def placed_sentences(annotations: Annotations) -> tuple[PlacedSentence, ...]:
    """The sentences of the report in order, each with the boxes that a source gives it; without boxes where none does.

    A phrase of MS-CXR is about the sentences that have exactly its words, or else about those that contain them one after
    another. A sentence that no phrase is about has the boxes of all Chest ImaGenome regions that hold it, word for word.
    """
    told = [_words(sentence) for sentence in annotations.sentences]
    found: list[dict[Box, str]] = [{} for _ in told]
    for phrase in annotations.grounded:
        for place in _about(_words(phrase.phrase), told):
            found[place].update(dict.fromkeys(phrase.boxes, phrase.label or ""))
    of_regions: dict[Words, dict[Box, str]] = {}
    for region in annotations.anatomy:
        for sentence in region.sentences:
            of_regions.setdefault(_words(sentence), {})[region.box] = region.region
    placed = [boxes or of_regions.get(words, {}) for boxes, words in zip(found, told, strict=True)]
    return tuple(
        PlacedSentence(sentence, tuple(boxes), tuple(boxes.values()))
        for sentence, boxes in zip(annotations.sentences, placed, strict=True)
    )


def _about(phrase: Words, told: Sequence[Words]) -> list[int]:
    same = [place for place, words in enumerate(told) if words == phrase]
    return same or [place for place, words in enumerate(told) if phrase and _contains(words, phrase)]


def _contains(words: Words, part: Words) -> bool:
    return any(words[start : start + len(part)] == part for start in range(len(words) - len(part) + 1))


def _words(text: str) -> Words:
    return tuple(re.findall(r"\w+", text.lower()))
