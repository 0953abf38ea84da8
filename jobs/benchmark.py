"""Chex-Ray against what it must be better than, on phantoms: data, training, evaluation and one table.

Exit status: 0 done, 1 stopped (not finite, or workers lost), 2 the command, configuration or data cannot be used.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from jobs.waiting_threads import wait_briefly

_EPILOG = """\
Steps, in order: data (phantoms and shards), model (the five stages), supervised-detector, evaluation (all baselines,
results.json and table.md). Each goes on where it was interrupted, so that the same command can be given again.
"""
STEPS = ("data", "model", "supervised-detector", "evaluation")
logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    wait_briefly()  # training is in this process
    from jobs.benchmarking.config import benchmark_config
    from jobs.benchmarking.run import run
    from jobs.benchmarking.steps import Benchmark
    from jobs.local_folder import local_folder

    try:
        benchmark = Benchmark(
            config=benchmark_config(arguments.config),
            output=local_folder(arguments.output),
            data=arguments.data,
            model=arguments.model,
            contrastive=arguments.contrastive,
            tracking_uri=arguments.tracking_uri,
        )
        run(benchmark, arguments.only or STEPS, resume=arguments.resume)
    except (ValueError, OSError) as error:
        logger.error("%s", error)
        return 2
    except RuntimeError as error:
        logger.error("%s", error)
        return 1
    if (table := benchmark.output / "table.md").is_file():
        print(table.read_text(encoding="utf-8"), end="")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.benchmark",
        description=__doc__.splitlines()[0],
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="for data, models, predictions and the table")
    parser.add_argument(
        "--config", default="phantom_benchmark", metavar="NAME_OR_FILE", help="settings (default phantom_benchmark)"
    )
    parser.add_argument("--data", metavar="URI", help="shards that are there already (default: they are made)")
    parser.add_argument("--model", metavar="DIR", help="a trained model (default: its five stages are trained)")
    parser.add_argument(
        "--contrastive",
        metavar="DIR",
        help="the contrastive stage of --model (default: the folder of that name beside it)",
    )
    parser.add_argument("--only", action="append", choices=STEPS, metavar="STEP", help="some of the steps; repeatable")
    parser.add_argument("--resume", action="store_true", help="go on with this output; what is finished stays")
    parser.add_argument("--tracking-uri", default="none", metavar="URI", help="MLflow (default: none)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
