"""Measure a model on converted shards, each figure beside its baseline: `python -m jobs.evaluate --help`."""

from __future__ import annotations

import argparse
import sys


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    from jobs.evaluation.tasks import task_names

    parser = argparse.ArgumentParser(prog="python -m jobs.evaluate", description=__doc__)
    parser.add_argument("--model", required=True, metavar="URI", help="a model folder, local or s3://…")
    parser.add_argument("--data", required=True, metavar="URI", help="converted shards")
    parser.add_argument("--tasks", default="all", help=f"all, or some of: {','.join(task_names())}")
    parser.add_argument("--output", required=True, metavar="DIR", help="for figures.json, table.md and predictions/")
    parser.add_argument("--bootstrap", type=int, default=0, metavar="N", help="draws for standard deviations")
    parser.add_argument("--split", default="test", help="the split to measure; baselines always come from train")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the model runs")
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="images in one batch of the model")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    from jobs.evaluation.figure import as_table
    from jobs.evaluation.run import evaluate
    from pipelines.stores import StoreUnreachable

    try:
        summary = evaluate(
            options.model,
            options.data,
            options.tasks,
            options.output,
            split=options.split,
            bootstrap=options.bootstrap,
            batch_size=options.batch_size,
            device=_device(options.device),
        )
    except (ValueError, FileNotFoundError) as problem:
        print(f"evaluate: {problem}", file=sys.stderr)
        return 2
    except StoreUnreachable as problem:
        print(f"evaluate: {problem}", file=sys.stderr)
        return 1
    print(as_table(summary["figures"]), end="")
    return 0


def _device(name: str) -> str:
    if name != "auto":
        return name
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


if __name__ == "__main__":
    sys.exit(main())
