"""Box queries in training: regions asked for by their true box instead of their name (paper 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from chex.queries.targets import AnatomyTargets


def boxed_regions(targets: AnatomyTargets) -> tuple[AnatomyTargets, Tensor] | None:
    """The one-box regions among the targets and their boxes (b, Q, 4); None where there are none.

    A region that an image lacks gets the whole image as its box; `present` says which ones count.
    """
    columns = (~targets.grouped).nonzero().squeeze(1)
    if not len(columns):
        return None
    kept = columns.tolist()
    narrowed = AnatomyTargets(
        images=targets.images,
        regions=tuple(targets.regions[q] for q in kept),
        prompts=tuple(targets.prompts[q] for q in kept),
        boxes_cxcywh=targets.boxes_cxcywh[:, columns],
        present=targets.present[:, columns],
        grouped=targets.grouped[columns],
        labels=targets.labels[:, columns],
        labelled=targets.labelled[:, columns],
        sentences=tuple(tuple(row[q] for q in kept) for row in targets.sentences),
    )
    whole = torch.tensor([0.5, 0.5, 1.0, 1.0], device=narrowed.boxes_cxcywh.device)
    boxes = torch.where(narrowed.present[:, :, :1], narrowed.boxes_cxcywh[:, :, 0], whole)
    return narrowed, boxes
