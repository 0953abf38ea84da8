"""Reports on two nodes and kills the raylet of the one at work; a program, as a cluster needs a process's main thread.

python -m tests.jobs.reporting.lost_node OUTPUT ARGUMENTS OF jobs.generate_reports
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import psutil

KILL_AFTER = 2  # parts
CPUS = 3  # of each node: two actors, and one to read


def main(output: str, *arguments: str) -> int:
    import ray
    from ray.cluster_utils import Cluster
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from jobs.generate_reports import main as generate_reports

    node = {"num_cpus": CPUS, "object_store_memory": 100 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    second = cluster.add_node(**node)
    raylet = psutil.Process(second.all_processes["raylet"][0].process.pid)
    ray.init(address=cluster.address, log_to_driver=False)
    occupied, lost = Path(f"{output}.occupied"), Path(f"{output}.lost")

    @ray.remote(
        num_cpus=CPUS, scheduling_strategy=NodeAffinitySchedulingStrategy(cluster.head_node.node_id, soft=False)
    )
    def occupy() -> None:
        occupied.touch()
        while not lost.exists():
            time.sleep(0.01)

    def kill() -> None:
        while len(list(Path(output).glob("parquet/part-*.parquet"))) < KILL_AFTER:
            time.sleep(0.01)
        raylet.kill()
        lost.touch()

    # the first node is occupied until then, so that actors and work lie on the one that is lost
    occupation = occupy.remote()
    while not occupied.exists():
        time.sleep(0.01)
    threading.Thread(target=kill, daemon=True).start()
    try:
        status = generate_reports(["--output", output, *arguments])
        ray.get(occupation)
        print("alive nodes:", sum(node["Alive"] for node in ray.nodes()))
        return status
    finally:
        ray.shutdown()
        cluster.shutdown()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
