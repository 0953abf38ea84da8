"""Converts on two nodes and kills the raylet of the one at work.

python -m tests.pipelines.conversion.lost_node RAW OUTPUT
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.two_nodes import TwoNodes, two_nodes
from tests.waiting import wait_for

KILL_AFTER = 3  # shards


def main(root: str, output: str) -> None:
    from jobs.convert import convert
    from tests.pipelines.small_vindr import conversion

    def lose(nodes: TwoNodes) -> None:
        shards = Path(output)
        wait_for(lambda: len(list(shards.glob("dataset=*/split=*/part-*.parquet"))) >= KILL_AFTER, "shards")
        nodes.lose()

    with two_nodes(1, output, lose):
        convert(conversion(root, output, rows_per_shard=1), progress=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
