"""Anatomy tokens: where a region is, what its labels are, what the report says about it (paper 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from chex.queries.drawing import draw_one, draw_some
from chex.queries.targets import AnatomyTargets, padded_boxes
from chex.records import Annotations, Region
from chex.vocabulary import RegionTerm, Vocabulary

LABEL_SET = "cig"


def region_findings(vocabulary: Vocabulary) -> tuple[str, ...]:
    """The findings that regions are labelled with, in the order of the last dimension of `labels`."""
    return tuple(dict.fromkeys(vocabulary.finding_of(label).id for label in vocabulary.labels_of(LABEL_SET)))


def anatomy_targets(
    annotations: Sequence[Annotations], vocabulary: Vocabulary, generator: torch.Generator, *,
    most_regions: int = 20, vary_prompts: bool = True,
) -> AnatomyTargets | None:  # fmt: skip
    """Targets of the images that have anatomy, for a draw of regions; None where no image has any."""
    images = [i for i, a in enumerate(annotations) if a.anatomy]
    if not images:
        return None
    terms = draw_some([*vocabulary.regions.values(), *vocabulary.grouped.values()], most_regions, generator)
    found = [_regions_of(annotations[i], terms) for i in images]
    boxes, present = padded_boxes([[[r.box for r in parts] for parts in row] for row in found])
    column = {finding: c for c, finding in enumerate(region_findings(vocabulary))}
    labels = torch.zeros(len(images), len(terms), len(column), dtype=torch.bool)
    for b, row in enumerate(found):
        for q, parts in enumerate(row):
            for label in (label for region in parts for label in region.labels_present):
                labels[b, q, column[vocabulary.finding_of(label).id]] = True
    return AnatomyTargets(
        images=torch.tensor(images),
        regions=tuple(term.name for term in terms),
        prompts=tuple(draw_one((t.prompt, *t.synonyms), generator) if vary_prompts else t.prompt for t in terms),
        boxes_cxcywh=boxes,
        present=present,
        grouped=torch.tensor([bool(term.parts) for term in terms]),
        labels=labels,
        # what no part has is only known to be absent where something is known of every part
        labelled=torch.tensor([[bool(parts) and all(r.labelled for r in parts) for parts in row] for row in found]),
        sentences=tuple(tuple(_sentences(parts) for parts in row) for row in found),
    )


def _regions_of(annotations: Annotations, terms: Sequence[RegionTerm]) -> list[list[Region]]:
    """Per term the annotated region, or all parts of a grouped one; nothing if a part is missing."""
    by_name = {region.region: region for region in annotations.anatomy}
    asked = (term.parts or (term.name,) for term in terms)
    return [[by_name[name] for name in names] if all(name in by_name for name in names) else [] for names in asked]


def _sentences(parts: list[Region]) -> str:
    return " ".join(dict.fromkeys(sentence for region in parts for sentence in region.sentences))
