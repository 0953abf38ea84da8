"""What a checkpoint holds of a run: all that changes, and a sum of what must not."""

from __future__ import annotations

import pytest
import torch

from jobs.training.run_state import Progress, RunState
from jobs.training.weight_average import WeightAverage
from tests.jobs.training.made_up_stage import BrightHalf


def state_of(seed: int) -> RunState:
    torch.manual_seed(seed)
    model = BrightHalf()
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad])
    return RunState(model, optimizer, WeightAverage(model, 0.9))


def step(state: RunState, number: int) -> None:
    generator = torch.Generator().manual_seed(number)
    torch.manual_seed(number)
    loss = state.model(torch.rand(4, 32, 32, generator=generator)).square().mean()
    state.optimizer.zero_grad()
    loss.backward()
    state.optimizer.step()
    state.average.update()
    state.since_logged.add({"loss": loss.detach()}, samples=4, waited=0.0, began=0.0)
    state.progress = Progress(number, best=0.5, since_best=number, figures={"loss": 0.25})


def test_a_state_goes_on_where_it_was_saved(tmp_path):
    whole, resumed = state_of(1), state_of(1)
    for number in (1, 2):
        step(whole, number)
    torch.save(whole.saved(), tmp_path / "state.pt")
    resumed.put_back(torch.load(tmp_path / "state.pt", weights_only=True))
    assert resumed.progress == whole.progress
    for number in (3, 4):
        step(whole, number)
        step(resumed, number)
    assert resumed.since_logged.summary()["loss"] == whole.since_logged.summary()["loss"]
    for _ in range(2):
        for name, weight in whole.model.state_dict().items():
            assert torch.equal(resumed.model.state_dict()[name], weight), name
        whole.average.swap()
        resumed.average.swap()


def test_another_model_to_start_from_is_refused():
    saved, other = state_of(1).saved(), state_of(2)
    before = other.model.line.weight.detach().clone()
    with pytest.raises(ValueError, match="the weights that the stage leaves alone are others than when the run began"):
        other.put_back(saved)
    assert torch.equal(other.model.line.weight, before)
    other.model.frozen.requires_grad_(True)
    with pytest.raises(ValueError):
        other.put_back(saved)
