"""Convert raw datasets into Parquet shards.

python -m jobs.convert --source vindr-cxr=/data/vindr --output s3://bucket/shards [--image-size 256] [--resume]
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from typing import Any

from jobs.cluster import ray_cluster
from pipelines.adapters import kinds
from pipelines.conversion.manifest import total
from pipelines.convert import Conversion, prepare, run
from pipelines.stores import StoreUnreachable, store_faults, told

logger = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 even if inputs went to quarantine, 2 if the command is wrong, 1 if it failed or gave no row."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for client in ("aiobotocore", "botocore"):  # they tell again and again where they found credentials
        logging.getLogger(client).setLevel(logging.WARNING)
    arguments = _parser().parse_args(argv)
    started = time.perf_counter()
    try:
        conversion = Conversion(
            sources=tuple(_source(text) for text in arguments.source),
            output=arguments.output,
            image_size=arguments.image_size,
            rows_per_shard=arguments.rows_per_shard,
            resume=arguments.resume,
        )
        manifest = convert(conversion)
    except (ValueError, OSError) as error:
        logger.error("convert: %s", error)
        return 2
    except RuntimeError as error:
        logger.error("convert: %s", error, exc_info=None if isinstance(error, StoreUnreachable) else error.__cause__)
        logger.error("convert: what is finished stays; the same command with --resume goes on")
        return 1
    _summarize(manifest, arguments.output, time.perf_counter() - started)
    if not total(manifest["rows"]):
        logger.error("convert: none of the images became a row; the reasons stand above, the images in quarantine/")
        return 1
    return 0


def convert(conversion: Conversion, *, progress: bool = True) -> dict[str, Any]:
    """Check, plan, convert on the Ray of `jobs.cluster`. Returns the manifest.

    Raises:
        ValueError, OSError: the configuration is wrong; found before Ray is touched.
        StoreUnreachable: a store of the sources or of the output does not answer.
        RuntimeError: the job failed.
    """
    try:
        plan = prepare(conversion)
    except store_faults() as error:
        if isinstance(error, OSError):
            raise
        raise StoreUnreachable(told(error)) from error
    logger.info("%d images in %d shards", plan.images.total(), len(plan.shards))
    with ray_cluster():
        from ray.exceptions import RayError

        try:
            return run(conversion, plan, progress=progress)
        except RayError as error:
            raise RuntimeError(f"the job failed: {str(error.__cause__ or error).strip().splitlines()[-1]}") from error
        except OSError as error:
            raise RuntimeError(f"the job failed: {type(error).__name__}: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jobs.convert", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--source",
        action="append",
        required=True,
        metavar="KIND=PATH",
        help=f"a raw dataset, repeatable; KIND is one of {', '.join(kinds())}; PATH a folder or URI",
    )
    parser.add_argument("--output", required=True, metavar="URI", help="an empty or new folder, local or s3://…")
    parser.add_argument("--image-size", type=int, default=256, help="pixels of the shorter side (default 256)")
    parser.add_argument("--rows-per-shard", type=int, default=256, help="images per file (default 256)")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted conversion")
    return parser


def _source(text: str) -> tuple[str, str]:
    kind, separator, root = text.partition("=")
    if not separator or not root:
        raise ValueError(f"--source expects KIND=PATH; found {text!r}")
    if kind not in kinds():
        raise ValueError(f"--source {text}: unknown kind {kind!r}; there are: {', '.join(kinds())}")
    return kind, root


def _summarize(manifest: dict[str, Any], output: str, seconds: float) -> None:
    for title in ("rows", "left_out", "quarantined"):
        for dataset, counts in manifest[title].items():
            for name, count in counts.items():
                logger.info("%-12s %8d  %s: %s", title.replace("_", " "), count, dataset, name)
    rows = total(manifest["rows"])
    logger.info("%d rows of %d inputs in %.1f s: %s", rows, manifest["inputs"], seconds, output)


if __name__ == "__main__":
    sys.exit(main())
