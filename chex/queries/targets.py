"""What the losses are told about a batch of prompts.

Letters: b images of the batch that have such targets, Q prompts, K targets of a prompt, C findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor

from chex.boxes import xyxy_to_cxcywh
from chex.records import Box


class _Targets:
    __slots__ = ()

    def to(self, device: torch.device) -> Self:
        """The same targets with their tensors on the device."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{name: v.to(device) for name, v in values.items() if isinstance(v, Tensor)})


@dataclass(frozen=True, slots=True)
class PathologyTargets(_Targets):
    """images (b), prompts (Q), boxes_cxcywh (b, Q, K, 4), present (b, Q, K), boxed (b, Q), values (b, Q).

    `boxed`: all boxes of this finding are known (there may be none); values: 1 present, 0 absent, −1 unknown.
    """

    images: Tensor
    findings: tuple[str, ...]
    prompts: tuple[str, ...]
    boxes_cxcywh: Tensor
    present: Tensor
    boxed: Tensor
    values: Tensor


@dataclass(frozen=True, slots=True)
class AnatomyTargets(_Targets):
    """images (b), prompts (Q), boxes_cxcywh (b, Q, K, 4), present (b, Q, K), grouped (Q), labels (b, Q, C), labelled (b, Q).

    `sentences[i][q]` is what the report says about the region, "" where it says nothing.
    """

    images: Tensor
    regions: tuple[str, ...]
    prompts: tuple[str, ...]
    boxes_cxcywh: Tensor
    present: Tensor
    grouped: Tensor
    labels: Tensor
    labelled: Tensor
    sentences: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class SentenceTargets(_Targets):
    """images (b), mask (b, Q) True where `sentences[i]` has a sentence."""

    images: Tensor
    sentences: tuple[tuple[str, ...], ...]
    mask: Tensor


def padded_boxes(boxes_xyxy: Sequence[Sequence[Sequence[Box]]]) -> tuple[Tensor, Tensor]:
    """boxes_xyxy[b][q][k] → boxes_cxcywh (b, Q, K, 4), present (b, Q, K); K is at least 1."""
    most = max((len(boxes) for row in boxes_xyxy for boxes in row), default=0) or 1
    nowhere = (0.0, 0.0, 1.0, 1.0)
    filled = [[[*boxes, *[nowhere] * (most - len(boxes))] for boxes in row] for row in boxes_xyxy]
    present = [[[k < len(boxes) for k in range(most)] for boxes in row] for row in boxes_xyxy]
    shape = len(boxes_xyxy), len(boxes_xyxy[0]) if boxes_xyxy else 0, most
    found = torch.tensor(filled, dtype=torch.float32).view(*shape, 4)
    return xyxy_to_cxcywh(found), torch.tensor(present, dtype=torch.bool).view(shape)
