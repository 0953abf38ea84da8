"""How many processes share a batch changes neither its losses nor its gradients."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import multiprocessing

from chex.training_config import STAGES
from jobs.training.process import Process
from jobs.training.stages import stage_of
from jobs.training.whole_batch import WholeBatch
from tests.jobs.training.test_stages import MIMIC, VINDR, batch, built

SAID = dataclasses.replace(
    MIMIC, sentences=("Lungs are clear.", "The heart is enlarged.", "Small right pleural effusion.")
)
# the last process has neither regions nor sentences, the first no boxes of findings
ANNOTATIONS = (MIMIC, SAID, SAID, VINDR, VINDR, VINDR)
WHOLE = batch(*ANNOTATIONS)
TASKS = ("anatomy-localization", "pathology-detection", "region-classification")
OPTIONS = {"box_query_share": 0.5, "feature_dropout": 0.0, "stated_finding_odds": 2.0}


def part_of(whole: dict, rank: int, size: int) -> dict:
    count = len(whole["samples"]) // size
    own = slice(rank * count, (rank + 1) * count)
    return {name: values[own] for name, values in whole.items()}


def answers(name: str, folder, process: Process, form: str) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
    """Loss parts, and the sum of the processes' gradients."""
    model, objective = built(name, folder, form=form, **OPTIONS)
    objective.process = process
    weights = dataclasses.replace(
        objective.config.weights, finding_probabilities=1.0, finding_generation=1.0, finding_mse=0.1
    )
    objective.config = dataclasses.replace(
        objective.config, weights=weights, most_hinted_findings=3, most_phrases=3, boxed_region_share=1.0
    )
    model.eval()
    own = part_of(WHOLE, process.rank, process.size)
    parts = objective(model, own, torch.Generator().manual_seed(3))
    parts["loss"].backward()
    gradients = {}
    for key, weight in model.named_parameters():
        if weight.requires_grad:
            gradients[key] = torch.zeros_like(weight) if weight.grad is None else weight.grad
            if process.size > 1:
                torch.distributed.all_reduce(gradients[key])
    return {key: value.item() for key, value in parts.items()}, gradients


def validated(folder, process: Process) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    model, objective = built("detector", folder)
    objective.process = process
    batches = [part_of(WHOLE, rank, 3) for rank in range(3)]
    found = stage_of("detector").validate(model, objective, batches, TASKS)
    assert model.detector.training, "training goes on afterwards"
    return found.figures, found.classes


def take_part(rank: int, size: int, folder: str, results: str) -> None:
    torch.set_num_threads(1)
    store = torch.distributed.FileStore(f"{results}/store", size)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=size, store=store)
    found = {
        (name, form): answers(name, folder, Process(rank, size), form)
        for name in STAGES
        for form in ("balanced", "published")
    }
    found["validation"] = validated(folder, Process(rank, size))
    torch.save(found, f"{results}/rank-{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def shared_out(tiny_model_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    multiprocessing.spawn(take_part, (2, str(tiny_model_dir), str(folder)), nprocs=2)
    return [torch.load(folder / f"rank-{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("form", ["balanced", "published"])
@pytest.mark.parametrize("name", STAGES)
def test_two_processes_learn_what_one_learns(name, form, shared_out, tiny_model_dir):
    losses, gradients = answers(name, tiny_model_dir, Process(), form)
    for found in shared_out:
        parts, sums = found[name, form]
        assert parts == pytest.approx(losses, abs=1e-5, rel=1e-5), "every process knows the losses of the whole batch"
        assert set(sums) == set(gradients)
        worst = max((sums[key] - gradients[key]).abs().max().item() for key in gradients)
        assert worst <= 1e-5
    assert max(gradient.abs().max().item() for gradient in gradients.values()) > 1e-3


def test_two_processes_validate_what_one_validates(shared_out, tiny_model_dir):
    figures, classes = validated(tiny_model_dir, Process())
    assert {"loss", "anatomy_mean_iou", "pathology_map", "region_auroc"} <= set(figures)
    assert "vindr/Pleural effusion" in classes["pathology_map"]
    for found in shared_out:
        assert found["validation"][0] == pytest.approx(figures, rel=1e-5, nan_ok=True)
        assert found["validation"][1].keys() == classes.keys()


def test_alone_nothing_is_gathered():
    whole = WholeBatch(Process(), ANNOTATIONS)
    values = torch.rand(2, 3)
    assert whole.gathered(values, torch.tensor([1, 4])) is values
    assert whole.local(torch.tensor([1, 4])).tolist() == [1, 4] and whole.part(3).all()
