"""Measure a model on converted shards, each figure beside its baseline: `python -m jobs.evaluate --help`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.machines import device_here

if TYPE_CHECKING:
    from jobs.evaluation.reading import Reading


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    from chex.metrics.report_metrics import METRICS
    from jobs.evaluation.tasks import GROUPS, task_names

    parser = argparse.ArgumentParser(prog="python -m jobs.evaluate", description=__doc__)
    parser.add_argument("--model", metavar="URI", help="a model folder, local or s3://…")
    parser.add_argument("--data", metavar="URI", help="converted shards")
    parser.add_argument("--tasks", default="all", help=f"{', '.join(GROUPS)}, or some of: {','.join(task_names())}")
    parser.add_argument("--output", metavar="URI", help="for figures.json, table.md and predictions/, local or s3://…")
    parser.add_argument("--bootstrap", type=int, metavar="N", help="draws for standard deviations")
    parser.add_argument("--split", default="test", help="the split to measure; baselines always come from train")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the model runs")
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="images in one batch of the model")
    parser.add_argument("--actors", type=int, default=0, metavar="N", help="Ray actors that predict; 0: this process")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run into this output stopped")
    parser.add_argument(
        "--recompute", metavar="URI", help="instead: the figures of an earlier output, from its predictions alone"
    )
    parser.add_argument("--plots", action=argparse.BooleanOptionalAction, default=True, help="pictures, below plots/")
    parser.add_argument(
        "--tracking-uri", metavar="URI", help="MLflow; default: a database beside the output; 'none': off"
    )
    parser.add_argument(
        "--experiment", metavar="NAME", help="what this belongs to; MLflow shows runs of one name together"
    )
    parser.add_argument(
        "--chexbert", metavar="FILE", help="CheXbert's weights: it then reads the labels of texts, not the rules"
    )
    parser.add_argument("--bert", metavar="DIR", help="config.json and vocab.txt of the BERT that CheXbert comes from")
    parser.add_argument(
        "--judge", metavar="DIR", help="a Hugging Face model of inference (NLI): it judges facts then, not the rules"
    )
    parser.add_argument(
        "--report-metrics", default="", metavar="NAMES", help=f"more of report-generation: some of {','.join(METRICS)}"
    )
    options = parser.parse_args(arguments)
    if (options.chexbert is None) != (options.bert is None):
        parser.error("--chexbert and --bert belong together")
    if options.recompute is None and (lacking := [n for n in ("model", "data", "output") if not getattr(options, n)]):
        parser.error(f"expected {', '.join(f'--{name}' for name in lacking)}, or --recompute")
    if options.recompute is not None and (options.model or options.data):
        parser.error("--recompute needs neither --model nor --data")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    from chex.metrics.report_metrics import ReportMetricUnavailable
    from jobs.evaluation.summary import as_page
    from pipelines.stores import StoreUnreachable

    logging.basicConfig(level=logging.WARNING, format="evaluate: %(message)s", stream=sys.stderr)
    try:
        summary = _evaluate(options) if options.recompute is None else _recompute(options)
    except (ValueError, OSError, ReportMetricUnavailable) as problem:
        print(f"evaluate: {problem}", file=sys.stderr)
        return 2
    except StoreUnreachable as problem:
        print(f"evaluate: {problem}", file=sys.stderr)
        return 1
    print(as_page(summary), end="")
    return 0


def _evaluate(options: argparse.Namespace) -> dict[str, Any]:
    from jobs.evaluation.run import evaluate
    from jobs.evaluation.tracking import tell_mlflow
    from jobs.training.run_folder import RunFolder
    from jobs.training.tracking import Tracking, default_tracking_uri
    from pipelines.output_folder import OutputFolder

    reading = _reading(options)
    uri = options.tracking_uri or default_tracking_uri(RunFolder(options.output))
    tracking = Tracking(uri, experiment=options.experiment)
    summary = evaluate(
        options.model,
        options.data,
        options.tasks,
        options.output,
        split=options.split,
        bootstrap=options.bootstrap or 0,
        batch_size=options.batch_size,
        device=options.device if options.actors else device_here(options.device),
        actors=options.actors,
        resume=options.resume,
        plots=options.plots,
        reading=reading,
    )
    tell_mlflow(OutputFolder(options.output), summary, tracking)
    return summary


def _recompute(options: argparse.Namespace) -> dict[str, Any]:
    from jobs.evaluation.recompute import recompute

    kept = {"bootstrap": options.bootstrap, "plots": options.plots, "reading": _reading(options)}
    return recompute(options.recompute, options.output, **kept)


def _reading(options: argparse.Namespace) -> Reading:
    from chex.metrics.report_metrics import require_report_metrics
    from jobs.evaluation.reading import Reading

    metrics = tuple(dict.fromkeys(name.strip() for name in options.report_metrics.split(",") if name.strip()))
    require_report_metrics(metrics)
    labels = facts = None
    if options.chexbert is not None:
        from chex.metrics.chexbert import CheXbert

        labels = CheXbert(options.chexbert, options.bert, device=device_here(options.device))
    if options.judge is not None:
        from chex.metrics.fact_judges import EntailmentJudge
        from chex.metrics.nli import NliModel

        folder = Path(options.judge)
        if not (folder / "config.json").is_file():
            raise FileNotFoundError(f"no model that judges in {folder}: there is no config.json")
        facts = EntailmentJudge(
            NliModel(folder, device=device_here(options.device)), f"NLI model {folder.resolve().name}"
        )
    return Reading(labels, facts, metrics)


if __name__ == "__main__":
    sys.exit(main())
