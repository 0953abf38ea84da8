"""Linear layers whose weights also lie as the processor's matrix kernels want them, where no gradient is asked for.

PyTorch's own product of few rows with a wide matrix rearranges the matrix at every call; oneDNN's kernels take it
rearranged once. On processors with AVX that is 1.5 to 5 times faster, and costs a second copy of the weights in memory.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEAST_WEIGHTS = 2**18  # of a matrix; smaller ones gain nothing
ROWS_PACKED_FOR = 32  # any number of rows may come; from 32 on the layout is the same for all


class PackedWeight(nn.Module):
    """The second copy of a weight (out, in), made when first needed; a submodule, so that it hears of modes and moves.

    Fused optimizers change weights without PyTorch counting it. So the copy is forgotten whenever the weight is used
    with gradients or its owner is set to training, besides every change that is counted. Copies and pickles of a
    module start without it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.forget()

    def forget(self) -> None:
        self._made_of: tuple[int, int] | None = None
        self._packed: Tensor | None = None

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """x (…, in), weight (out, in), bias (out) → (…, out), from the copy where that gives the same."""
        if torch.is_grad_enabled() and (weight.requires_grad or (bias is not None and bias.requires_grad)):
            self.forget()
        elif self._fits(x, weight):
            return torch.ops.mkldnn._linear_pointwise(x, self._copy_of(weight), bias, "none", [], "")
        return F.linear(x, weight, bias)

    def train(self, mode: bool = True) -> PackedWeight:
        if mode:
            self.forget()
        return super().train(mode)

    def _fits(self, x: Tensor, weight: Tensor) -> bool:
        return (
            (not self.training or not weight.requires_grad)
            and weight.numel() >= LEAST_WEIGHTS
            and x.device.type == weight.device.type == "cpu"
            and x.dtype == weight.dtype == torch.float32
            and x.numel() > 0
            and not (torch.is_grad_enabled() and x.requires_grad)
            and not weight.is_inference()  # such a tensor does not count its changes
            and not torch.is_autocast_enabled("cpu")
            and _has_kernels()
        )

    def _copy_of(self, weight: Tensor) -> Tensor:
        made_of = (weight.data_ptr(), weight._version)
        if made_of != self._made_of:
            self.forget()  # the old copy goes before the new one comes
            self._packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), ROWS_PACKED_FOR)
            self._made_of = made_of
        return self._packed

    def _apply(self, fn, recurse: bool = True):
        self.forget()
        return super()._apply(fn, recurse)

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_made_of": None, "_packed": None}


class Linear(nn.Linear):
    """A linear layer that packs its weight."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.packed = PackedWeight()

    def forward(self, x: Tensor) -> Tensor:
        return self.packed(x, self.weight, self.bias)


def _has_kernels() -> bool:
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability().startswith("AVX")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and not torch.compiler.is_compiling()
    )
