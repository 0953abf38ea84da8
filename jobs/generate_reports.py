"""Write a report for every chest radiograph of an archive: `python -m jobs.generate_reports --help`."""

from __future__ import annotations

import argparse
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
        "--input", required=True, metavar="URI", help="a folder of DICOM / JPEG / PNG, a list (.txt, .csv), or shards"
    )
    parser.add_argument("--output", required=True, metavar="URI", help="a folder or s3:// prefix for the results")
    parser.add_argument("--prompts", metavar="FILE", help="a prompt set (JSON) instead of the default one")
    parser.add_argument("--formats", default="parquet", help="comma-separated; parquet is always written")
    parser.add_argument(
        "--overlays", action="store_true", help="the same as the format `overlays`: pictures with boxes"
    )
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run into this output stopped")
    parser.add_argument("--batch-size", type=int, default=16, metavar="N", help="images in one batch of the model")
    parser.add_argument("--detectors", type=int, default=1, metavar="N", help="actors that find boxes")
    parser.add_argument("--generators", type=int, default=1, metavar="N", help="actors that write sentences")
    parser.add_argument("--rows-per-part", type=int, default=256, metavar="N", help="images in one part file")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the model runs")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.model == PHANTOM:
        print(f"generate_reports: the model that comes with Chex-Ray. {NOTICE}", file=sys.stderr)
    from jobs.reporting.graph import ReportRun, write_reports
    from jobs.reporting.summary import readable_summary
    from pipelines.stores import StoreUnreachable

    formats = [name.strip() for name in options.formats.split(",") if name.strip()]
    formats += ["overlays"] if options.overlays else []
    try:
        run = ReportRun(
            model=options.model,
            input=options.input,
            output=options.output,
            prompts=options.prompts,
            formats=tuple(dict.fromkeys(["parquet", *formats])),
            resume=options.resume,
            batch_size=options.batch_size,
            detectors=options.detectors,
            generators=options.generators,
            rows_per_part=options.rows_per_part,
            device=options.device,
        )
        summary = write_reports(run, show_progress=True)
    except (ValueError, OSError) as problem:
        print(f"generate_reports: {problem}", file=sys.stderr)
        return 2
    except StoreUnreachable as problem:
        print(f"generate_reports: {problem}", file=sys.stderr)
        return 1
    print(readable_summary(summary, options.output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
