"""A model as imported weights need it."""

from __future__ import annotations

import copy
import dataclasses

from chex import Chex


def with_prompts_seeing_each_other(model: Chex, decoder: str) -> Chex:
    """A copy in which the prompts of an image see each other. decoder: "detector" or "post_decoder"."""
    model = copy.deepcopy(model)
    part = dataclasses.replace(getattr(model.config, decoder), attends_to="image")
    model.config = dataclasses.replace(model.config, **{decoder: part})
    getattr(model, decoder).config = part
    return model
