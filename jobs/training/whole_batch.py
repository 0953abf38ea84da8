"""One batch on several processes: each encodes its own images, and all of them see the losses of the whole batch.

Contrasts need the other processes' samples as negatives, and means need their counts. So targets are drawn for the
whole batch, the same everywhere, what the model says of the own images is gathered, and losses are computed on all of
it. A process's gradients are the share that goes through its own outputs, and the sum of them is that of the whole
batch: how many processes share a batch changes nothing in what is learned. What is gathered must not be made from
what other processes brought to an earlier gathering: they would not hear of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from itertools import pairwise

import torch
from torch import Tensor

from chex.model.detections import Detections, EncodedImages
from chex.records import Annotations
from jobs.training.process import Process


class WholeBatch:
    """The samples of all processes in the order of their ranks; indices of images count through all of them."""

    def __init__(self, process: Process, own: Sequence[Annotations]) -> None:
        self._process = process
        of_rank = process.gather_objects(list(own))
        self.annotations = [annotations for rank in of_rank for annotations in rank]
        self._ends = torch.tensor([len(rank) for rank in of_rank]).cumsum(0)
        self._first, self._end = int(self._ends[process.rank]) - len(own), int(self._ends[process.rank])

    def own(self, images: Tensor) -> Tensor:
        """Which of the images (b) are this process's own, as a mask (b)."""
        return (images >= self._first) & (images < self._end)

    def local(self, images: Tensor) -> Tensor:
        """The own ones among the images, as indices into the own batch."""
        return images if self._process.size == 1 else images[self.own(images)] - self._first

    def gathered(self, values: Tensor, images: Tensor) -> Tensor:
        """values (own of b, …), one row for each own image of images (b, ascending) → all processes' rows (b, …)."""
        if self._process.size == 1:
            return values
        owners = torch.bucketize(images.cpu(), self._ends, right=True)
        return self._joined(values, torch.bincount(owners, minlength=self._process.size).tolist())

    def images(self, own: EncodedImages) -> EncodedImages:
        """The encoded images of all processes."""
        every = torch.arange(len(self.annotations))
        return replace(own, patches=self.gathered(own.patches, every), pooled=self.gathered(own.pooled, every))

    def detections(self, found: Detections, images: Tensor) -> Detections:
        """What was detected in the own images of images (b, ascending) → in all of them."""
        return Detections(*(self.gathered(getattr(found, field.name), images) for field in fields(found)))

    def shared(self, texts: Sequence[str], encode: Callable[[Sequence[str]], Tensor]) -> Tensor:
        """The features (n, D) of n texts, of which every process encodes a part."""
        size, rank = self._process.size, self._process.rank
        cuts = [len(texts) * place // size for place in range(size + 1)]
        own = encode(texts[cuts[rank] : cuts[rank + 1]])
        return self._joined(own, [end - start for start, end in pairwise(cuts)])

    def part(self, count: int) -> Tensor:
        """This process's share of `count` things that belong to no image, as a mask (count)."""
        return torch.arange(count) % self._process.size == self._process.rank

    def total(self, share: Tensor) -> Tensor:
        """The sum over all processes of their shares (a scalar each) in a loss."""
        return share if self._process.size == 1 else _Total.apply(share)

    def _joined(self, values: Tensor, counts: list[int]) -> Tensor:
        if self._process.size == 1:
            return values
        return _Joined.apply(values, counts, self._process.rank)


class _Joined(torch.autograd.Function):
    @staticmethod
    def forward(context, values: Tensor, counts: list[int], rank: int) -> Tensor:
        context.counts, context.rank = counts, rank
        padded = values.new_zeros(max(counts), *values.shape[1:])
        padded[: len(values)] = values
        everyone = [torch.empty_like(padded) for _ in counts]
        torch.distributed.all_gather(everyone, padded)
        return torch.cat([part[:count] for part, count in zip(everyone, counts)])

    @staticmethod
    def backward(context, gradient: Tensor):
        return gradient.split(context.counts)[context.rank], None, None


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(context, share: Tensor) -> Tensor:
        total = share.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context, gradient: Tensor):
        return gradient
