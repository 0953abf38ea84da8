"""Two nodes of a Ray cluster, of which one is lost while it works; for programs, as a cluster needs a main thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.waiting import wait_for


@dataclass(frozen=True, slots=True)
class TwoNodes:
    """`raylet` is that of the second node; all work lies there until `lose` is called."""

    raylet: psutil.Process
    lost: Path

    def lose(self) -> None:
        """Kills the second node and lets the first one work."""
        if self.raylet.is_running():
            self.raylet.kill()
        self.lost.touch()


@contextmanager
def two_nodes(cpus: int, output: str, lose: Callable[[TwoNodes], None]) -> Iterator[None]:
    """This process is connected to both while the block runs; then it prints how many are alive.

    cpus: of each. output: of the job; notes lie beside it. lose: runs in another thread, waits until the work has begun,
    and calls `TwoNodes.lose`.
    """
    import ray
    from ray.cluster_utils import Cluster
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    node = {"num_cpus": cpus, "object_store_memory": 100 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    second = cluster.add_node(**node)
    ray.init(address=cluster.address, log_to_driver=False)
    occupied, lost = Path(f"{output}.occupied"), Path(f"{output}.lost")
    first = NodeAffinitySchedulingStrategy(cluster.head_node.node_id, soft=False)

    @ray.remote(num_cpus=cpus, scheduling_strategy=first)
    def occupy() -> None:
        occupied.touch()
        wait_for(lost.exists, "the loss of the second node")

    occupation = occupy.remote()
    wait_for(occupied.exists, "the first node's occupation")
    nodes = TwoNodes(psutil.Process(second.all_processes["raylet"][0].process.pid), lost)
    threading.Thread(target=lose, args=(nodes,), daemon=True).start()
    try:
        yield
        ray.get(occupation)
        print("alive nodes:", sum(node["Alive"] for node in ray.nodes()))
    finally:
        ray.shutdown()
        cluster.shutdown()
