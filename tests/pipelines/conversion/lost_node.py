"""Converts on two nodes and kills the raylet of the one at work; a program, as a cluster needs a process's main thread.

python -m tests.pipelines.conversion.lost_node RAW OUTPUT
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import psutil

KILL_AFTER = 3  # shards


def main(root: str, output: str) -> None:
    import ray
    from ray.cluster_utils import Cluster
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from jobs.convert import convert
    from tests.pipelines.small_vindr import conversion

    node = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    second = cluster.add_node(**node)
    raylet = psutil.Process(second.all_processes["raylet"][0].process.pid)
    ray.init(address=cluster.address, log_to_driver=False)
    occupied, lost = Path(output).with_name("occupied"), Path(output).with_name("lost")

    @ray.remote(num_cpus=1, scheduling_strategy=NodeAffinitySchedulingStrategy(cluster.head_node.node_id, soft=False))
    def occupy() -> None:
        occupied.touch()
        while not lost.exists():
            time.sleep(0.01)

    def kill() -> None:
        while len(list(Path(output).glob("dataset=*/split=*/part-*.parquet"))) < KILL_AFTER:
            time.sleep(0.01)
        raylet.kill()
        lost.touch()

    # the first node is occupied until then, so that the work lies on the one that is lost
    occupation = occupy.remote()
    while not occupied.exists():
        time.sleep(0.01)
    threading.Thread(target=kill, daemon=True).start()
    try:
        convert(conversion(root, output, rows_per_shard=1), progress=False)
        ray.get(occupation)
        print("alive nodes:", sum(node["Alive"] for node in ray.nodes()))
    finally:
        ray.shutdown()
        cluster.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
