"""Evaluates on two nodes and kills the raylet of the one at work.

python -m tests.jobs.evaluation.lost_node OUTPUT ARGUMENTS OF jobs.evaluate
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.two_nodes import TwoNodes, two_nodes
from tests.waiting import wait_for

KILL_AFTER = 2  # parts
ROWS_OF_A_PART = 8
CPUS = 2  # of each node: an actor, and one to read


def main(output: str, *arguments: str) -> int:
    from jobs.evaluate import main as evaluate
    from jobs.evaluation import parts

    parts._ROWS = ROWS_OF_A_PART

    def lose(nodes: TwoNodes) -> None:
        wait_for(lambda: len(list(Path(output).glob("predictions/parts/*/*.parquet"))) >= KILL_AFTER, "parts")
        nodes.lose()

    with two_nodes(CPUS, output, lose):
        return evaluate(["--output", output, *arguments])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
