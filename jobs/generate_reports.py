"""Write a report for every chest radiograph of an archive: `python -m jobs.generate_reports --help`."""

from __future__ import annotations

import argparse
import logging
import sys

from chex.embedded import NOTICE, PHANTOM


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m jobs.generate_reports", description=__doc__)
    parser.add_argument(
        "--model",
        default=PHANTOM,
        metavar="URI",
        help="a model folder, local or s3://… (default: %(default)s, see README)",
    )
    parser.add_argument(
        "--input",
        required=True,
        metavar="URI",
        help="a folder of DICOM / JPEG / PNG, a list (.txt, .csv), or converted shards; local or s3://…",
    )
    parser.add_argument("--output", required=True, metavar="URI", help="a folder or s3:// prefix for the results")
    parser.add_argument("--prompts", metavar="FILE", help="a prompt set (JSON) instead of the default one")
    parser.add_argument("--formats", default="parquet", help="comma-separated; parquet is always written")
    parser.add_argument(
        "--overlays", action="store_true", help="the same as the format `overlays`: pictures with boxes"
    )
    parser.add_argument(
        "--deidentify",
        action="store_true",
        help="nothing in the output tells who the patients are; the key is taken from CHEX_DEIDENTIFICATION_KEY, or from "
        "the file that CHEX_DEIDENTIFICATION_KEY_FILE names",
    )
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run into this output stopped")
    parser.add_argument(
        "--report-anyway",
        action="store_true",
        help="report also on what does not look like a frontal chest radiograph, by its header or its pixels",
    )
    parser.add_argument(
        "--rows-per-part", type=int, default=128, metavar="N", help="images in one file of the output (default 128)"
    )
    model = parser.add_argument_group("the model")
    model.add_argument("--batch-size", type=int, default=32, metavar="N", help="images looked at together (default 32)")
    model.add_argument("--detectors", type=int, default=1, metavar="N", help="actors that find boxes (default 1)")
    model.add_argument("--generators", type=int, default=1, metavar="N", help="actors that write sentences (default 1)")
    for name in ("detector", "generator"):
        model.add_argument(
            f"--gpus-per-{name}", type=float, metavar="F", help="of each such actor (default: the GPUs shared evenly)"
        )
    model.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the model runs")
    model.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="of the model's products; auto: bfloat16 on GPUs",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for client in ("aiobotocore", "botocore", "fsspec", "httpx"):
        logging.getLogger(client).setLevel(logging.WARNING)
    if options.model == PHANTOM:
        print(f"generate_reports: the model that comes with Chex-Ray. {NOTICE}", file=sys.stderr)
    from jobs.reporting.config import ReportRun
    from jobs.reporting.run import write_reports
    from jobs.reporting.summary import readable_summary
    from pipelines.stores import StoreUnreachable

    formats = [name.strip() for name in options.formats.split(",") if name.strip()]
    formats += ["overlays"] if options.overlays else []
    settings = {name: value for name, value in vars(options).items() if name != "overlays"}
    try:
        run = ReportRun(**settings | {"formats": tuple(dict.fromkeys(["parquet", *formats]))})
        summary = write_reports(run)
    except (ValueError, OSError) as problem:
        print(f"generate_reports: {problem}", file=sys.stderr)
        return 2
    except (StoreUnreachable, RuntimeError) as problem:
        print(f"generate_reports: {problem}", file=sys.stderr)
        return 1
    print(readable_summary(summary, options.output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
