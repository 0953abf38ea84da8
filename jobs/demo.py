"""The whole way once, on phantoms: raw files, shards, training, figures, reports and a page that shows them."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

PLAN = """\
Chex-Ray demo: {studies} phantom chest X-rays -> Parquet shards -> five training stages -> figures on held-out
phantoms -> reports on held-out DICOM files -> {output}/index.html
About {minutes} minutes on two CPU cores; everything is written below {output}/ and nothing is downloaded.
"""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    _quiet()
    from jobs.demonstration.steps import clear
    from jobs.local_folder import local_folder

    output = options.output
    try:
        local_folder(output)
        clear(output)
    except (ValueError, FileExistsError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    print(PLAN.format(studies=options.studies, output=output, minutes=round(2 + 17 * options.effort)))
    try:
        summary = run(
            output, studies=options.studies, seed=options.seed, effort=options.effort, workers=options.workers
        )
    except (ValueError, RuntimeError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print(readable(summary, output))
    return 0


def run(output: Path, *, studies: int, seed: int, effort: float, workers: int = 1) -> dict[str, Any]:
    """All steps into `output`, on the Ray of `jobs.cluster`; gives what summary.json holds."""
    from jobs.cluster import default_cpus, ray_cluster
    from jobs.demonstration import steps
    from jobs.demonstration.cases import demo_cases
    from jobs.demonstration.page import write_page

    seconds: dict[str, float] = {}

    def timed(name: str, step: Callable[[], T]) -> T:
        began = time.monotonic()
        result = step()
        seconds[name] = round(time.monotonic() - began, 1)
        return result

    timed("phantoms", lambda: steps.make_phantoms(output, studies=studies, seed=seed))
    with ray_cluster(cpus=max(default_cpus(), workers + 1)):
        timed("convert", lambda: steps.convert_phantoms(output))
        stages = timed("train", lambda: steps.train_stages(output, effort=effort, workers=workers))
        figures = timed("evaluate", lambda: steps.measure(output))
        reports = timed("reports", lambda: steps.write_reports(output))
    summary = {
        "figures": figures,
        "seconds": seconds,
        "stages": {name: round(value, 1) for name, value in stages.items()},
        "reports": reports,
        "studies": studies,
        "seed": seed,
    }
    write_page(output / "index.html", demo_cases(output), figures, seconds)
    (output / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary


def readable(summary: dict[str, Any], output: Path) -> str:
    """Times and figures as the demo's last words."""
    lines = ["", "step            seconds"]
    lines += [f"{name:<14} {value:8.0f}" for name, value in summary["seconds"].items()]
    lines += ["", "figure on held-out phantoms   value  baseline"]
    lines += [
        f"{name:<28} {_number(figure['value']):>6}  {_number(figure['baseline']):>8}"
        for name, figure in summary["figures"].items()
    ]
    lines += [
        "",
        f"Look at it:     {output / 'index.html'} (12 held-out studies), {output / 'reports' / 'overlays'}",
        f"Ask it:         .venv/bin/serve run serve.app:build model={output / 'model'}   then http://127.0.0.1:8000",
        f"Compare runs:   .venv/bin/mlflow ui --backend-store-uri sqlite:///{output / 'mlflow.db'}",
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"  # few phantoms: nothing to measure it on


def _quiet() -> None:
    """One progress bar a step instead of every library's account of itself; before any of them is imported."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    for noisy in ("ray", "ray.data", "ray.train", "mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jobs.demo", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a new folder, or an earlier demo's")
    parser.add_argument("--studies", type=int, default=2700, metavar="N", help="phantoms in all (default 2700)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="what the phantoms are drawn from")
    parser.add_argument(
        "--effort", type=float, default=1.0, metavar="X", help="times the usual training steps (default 1)"
    )
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="training processes (default 1); 0: without Ray Train"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
