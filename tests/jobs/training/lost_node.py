"""Trains on two nodes and kills the raylet of the one with the worker; a program, as a cluster needs a process's main thread.

python -m tests.jobs.training.lost_node OUTPUT ARGUMENTS OF jobs.train
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import psutil

from tests.jobs.training import held_run
from tests.jobs.training.held_run import Gates, wait_for


def main(output: str, *arguments: str) -> int:
    import ray
    from ray.cluster_utils import Cluster
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    node = {"num_cpus": 3, "object_store_memory": 100 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    second = cluster.add_node(**node)
    raylet = psutil.Process(second.all_processes["raylet"][0].process.pid)
    ray.init(address=cluster.address, log_to_driver=False)
    occupied, lost, gates = Path(f"{output}.occupied"), Path(f"{output}.lost"), Gates(Path(output))

    @ray.remote(num_cpus=3, scheduling_strategy=NodeAffinitySchedulingStrategy(cluster.head_node.node_id, soft=False))
    def occupy() -> None:
        occupied.touch()
        wait_for(lost.exists, "the loss of the node")

    def kill() -> None:
        worker = psutil.Process(gates.held(10, checkpoint=7))
        print("held on the second node:", raylet in worker.parents(), flush=True)
        raylet.kill()
        wait_for(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, "the end of its worker")
        lost.touch()
        gates.let_pass(10, 20, 25)

    # the first node is occupied until then, so that the work lies on the one that is lost
    occupation = occupy.remote()
    wait_for(occupied.exists, "the first node")
    threading.Thread(target=kill, daemon=True).start()
    try:
        status = held_run.main(output, *arguments)
        ray.get(occupation)
        print("alive nodes:", sum(node["Alive"] for node in ray.nodes()))
        return status
    finally:
        ray.shutdown()
        cluster.shutdown()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
