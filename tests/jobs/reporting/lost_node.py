"""Reports on two nodes and kills the raylet of the one at work.

python -m tests.jobs.reporting.lost_node OUTPUT ARGUMENTS OF jobs.generate_reports
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.two_nodes import TwoNodes, two_nodes
from tests.waiting import wait_for

KILL_AFTER = 2  # parts
CPUS = 3  # of each node: two actors, and one to read


def main(output: str, *arguments: str) -> int:
    from jobs.generate_reports import main as generate_reports

    def lose(nodes: TwoNodes) -> None:
        wait_for(lambda: len(list(Path(output).glob("parquet/part-*.parquet"))) >= KILL_AFTER, "parts")
        nodes.lose()

    with two_nodes(CPUS, output, lose):
        return generate_reports(["--output", output, *arguments])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
