"""Models whose weights are about to be read: nothing is drawn at random only to be thrown away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_DRAWN_IN_PLACE = ("normal_", "uniform_", "kaiming_uniform_")


class Unfilled(TorchFunctionMode):
    """`with Unfilled(): model = …` leaves random weights as they lie in memory, which a large model never touches."""

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name, named = getattr(func, "__name__", ""), kwargs or {}
        if name in _DRAWN_IN_PLACE:
            return args[0] if args else named["tensor"]
        return (torch.empty if name == "randn" else func)(*args, **named)
