"""Trains on two nodes and kills the raylet of the one with the worker.

python -m tests.jobs.training.lost_node OUTPUT ARGUMENTS OF jobs.train
"""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

from tests.jobs.training import held_run
from tests.jobs.training.held_run import Gates
from tests.two_nodes import TwoNodes, two_nodes
from tests.waiting import wait_for


def main(output: str, *arguments: str) -> int:
    gates = Gates(Path(output))

    def lose(nodes: TwoNodes) -> None:
        worker = psutil.Process(gates.held(10, checkpoint=7))
        print("held on the second node:", nodes.raylet in worker.parents(), flush=True)
        nodes.raylet.kill()
        wait_for(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, "the end of its worker")
        nodes.lose()
        gates.let_pass(10, 20, 25)

    with two_nodes(3, output, lose):
        return held_run.main(output, *arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
