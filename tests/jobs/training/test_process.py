"""Two processes stop together, and follow the leader."""

from __future__ import annotations

import pytest
import torch

from jobs.training.process import Diverged, Process


def _take_part(rank: int, folder: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    process = Process(rank, 2)
    process.stop_together(None)
    shared = process.share(0.25 + rank)
    try:
        process.stop_together("loss nan on sample a" if rank == 1 else None)
        said = "went on"
    except Diverged as error:
        said = str(error)
    with open(f"{folder}/{rank}.txt", "w", encoding="utf-8") as file:
        file.write(f"{shared} {said}")
    torch.distributed.destroy_process_group()


def test_trouble_in_one_process_stops_both(tmp_path):
    torch.multiprocessing.spawn(_take_part, args=(str(tmp_path),), nprocs=2)
    for rank in (0, 1):
        assert (tmp_path / f"{rank}.txt").read_text() == "0.25 worker 1: loss nan on sample a"


def test_alone_nothing_is_shared():
    process = Process()
    assert process.leads and process.share(3.0) == 3.0
    process.stop_together(None)
    with pytest.raises(Diverged, match="loss inf"):
        process.stop_together("loss inf")
    module = torch.nn.Linear(2, 2)
    assert process.wrap(module) is module
