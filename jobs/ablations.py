"""The paper's ablations: each is trained, measured and set beside the full model: `python -m jobs.ablations --help`.

Exit status: 0 done, 1 stopped (not finite, or workers lost), 2 the command, configuration or data cannot be used.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    from jobs.comparison.runs import Comparison, ablations, compare
    from jobs.local_folder import local_folder

    try:
        output = local_folder(arguments.output)
        comparison = Comparison(
            data=arguments.data,
            output=output,
            names=_listed(arguments.only) if arguments.only else ablations(),
            seeds=_seeds(arguments.seeds),
            effort=arguments.effort,
            last_stage=arguments.last_stage,
            preset=arguments.preset,
            init=arguments.init,
            overrides=tuple(arguments.set),
            workers=arguments.workers,
            tracking_uri=arguments.tracking_uri or f"sqlite:///{output}/mlflow.db",
        )
        compare(comparison, resume=arguments.resume)
    except (ValueError, OSError) as error:
        logger.error("%s", error)
        return 2
    except RuntimeError as error:
        logger.error("%s", error)
        return 1
    print((output / "table.md").read_text(encoding="utf-8"), end="")
    return 0


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _seeds(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in _listed(text))
    except ValueError as error:
        raise ValueError(f"--seeds: expected whole numbers joined by commas, found {text!r}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jobs.ablations", description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, metavar="URI", help="converted shards (jobs.convert)")
    parser.add_argument("--output", required=True, metavar="DIR", help="for models, results.json and table.md")
    parser.add_argument("--only", metavar="NAME,…", help="some of jobs/experiments/ablations (default: all)")
    parser.add_argument("--seeds", default="0,1,2", metavar="N,…", help="training seeds (default 0,1,2)")
    parser.add_argument("--effort", type=float, default=1.0, metavar="X", help="times the usual steps (default 1)")
    parser.add_argument("--last-stage", choices=("detector", "post-decoder", "generator"), default="generator")
    parser.add_argument("--preset", default="tiny", help="tiny (CPU, phantoms) or base (the paper)")
    parser.add_argument(
        "--init", metavar="URI", help="a contrastive stage's model for all seeds (default: one is trained per seed)"
    )
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="training processes; 0: this one (default)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of all stages; repeatable")
    parser.add_argument("--resume", action="store_true", help="go on with this output; what is finished stays")
    parser.add_argument("--tracking-uri", metavar="URI", help="MLflow; default: a database in the output; 'none': off")
    return parser


if __name__ == "__main__":
    sys.exit(main())
