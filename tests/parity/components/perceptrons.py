"""Linear layers and perceptrons with one hidden layer."""

from __future__ import annotations

import torch
from torch import nn

from chex.model.attention import Mlp
from tests.parity.cases import Case
from tests.parity.registry import check


@check("mlp_*")
def perceptron(case: Case):
    layers = case.kwargs["n_layers"]
    if layers not in (1, 2):
        raise ValueError(f"expected 1 or 2 layers, found {layers}")
    out, width = case.params["layers.0.weight"].shape
    if layers == 1:
        names, part = {"layers.0.weight": "weight", "layers.0.bias": "bias"}, nn.Linear(width, out)
    else:
        names = {
            f"layers.{n}.{k}": f"{ours}.{k}" for n, ours in ((0, "expand"), (3, "contract")) for k in ("weight", "bias")
        }
        part = Mlp(width, out, len(case.params["layers.3.weight"]), activation=case.kwargs["act"])
    part.load_state_dict({names[name]: tensor for name, tensor in case.params.items()})
    with torch.no_grad():
        return {"y": (part.eval()(case.inputs["x"]), case.outputs["y"])}
