"""Sentence tokens: the sentences of the report that came with the image (paper 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from chex.queries.drawing import draw_some
from chex.queries.targets import SentenceTargets
from chex.records import Annotations


def sentence_targets(
    annotations: Sequence[Annotations], generator: torch.Generator, *, most_sentences: int = 12
) -> SentenceTargets | None:
    """A draw of each image's different sentences; None where no image has any."""
    images = [i for i, a in enumerate(annotations) if a.sentences]
    if not images:
        return None
    drawn = [tuple(draw_some(list(dict.fromkeys(annotations[i].sentences)), most_sentences, generator)) for i in images]
    longest = max(map(len, drawn))
    mask = torch.tensor([[s < len(sentences) for s in range(longest)] for sentences in drawn])
    return SentenceTargets(images=torch.tensor(images), sentences=tuple(drawn), mask=mask)


def same_sentences(sentences: Sequence[str]) -> torch.Tensor:
    """(n, n) True where two sentences are the same but for case."""
    number = {text: i for i, text in enumerate(dict.fromkeys(s.lower() for s in sentences))}
    ids = torch.tensor([number[s.lower()] for s in sentences], dtype=torch.long)
    return ids[:, None] == ids[None]
