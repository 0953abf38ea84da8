"""Report on chest radiographs as they arrive over DICOM, and deliver the reports: `python -m jobs.listen --help`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, fields
from pathlib import Path

from chex.embedded import NOTICE, PHANTOM


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m jobs.listen", description=__doc__)
    parser.add_argument("--queue", required=True, metavar="DIR", help="where images and reports lie meanwhile")
    parser.add_argument("--status", action="store_true", help="print what the queue holds as JSON, and end")
    parser.add_argument(
        "--deliver", metavar="URI", help="dicom://AE@HOST:PORT, dicom+tls://AE@HOST:PORT or https://HOST/dicom-web"
    )
    parser.add_argument(
        "--model",
        default=PHANTOM,
        metavar="URI",
        help="a model folder, local or s3://… (default: %(default)s, see README)",
    )
    parser.add_argument("--prompts", metavar="FILE", help="a prompt set (JSON) instead of the default one")
    parser.add_argument("--format", default="dicom-sr", help="of the reports (default: %(default)s)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="where to listen; 0.0.0.0: everywhere (default: %(default)s)"
    )
    parser.add_argument("--port", type=int, default=11112, help="0: a free one (default: %(default)s)")
    parser.add_argument(
        "--ae-title", default="CHEXRAY", help="ours: as who we are called, and call (default: %(default)s)"
    )
    parser.add_argument(
        "--allow", nargs="+", default=[], metavar="AE", help="AE titles that may send; without, loopback alone"
    )
    parser.add_argument("--secondary-capture", action="store_true", help="take secondary captures, too")
    parser.add_argument(
        "--associations", type=int, default=16, metavar="N", help="at once, at most (default: %(default)s)"
    )
    parser.add_argument(
        "--batch-size", type=int, default=16, metavar="N", help="in one batch of the model (default: %(default)s)"
    )
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the model runs (default: %(default)s)"
    )
    parser.add_argument("--tls-certificate", metavar="PEM", help="ours; with it, connections are encrypted")
    parser.add_argument("--tls-key", metavar="PEM", help="of the certificate")
    parser.add_argument("--tls-authorities", metavar="PEM", help="who vouches for callers (they need one) and called")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    from jobs.routing.process import set_up_logging

    set_up_logging()
    return _status(options.queue) if options.status else _listen(options)


def _status(queue: str) -> int:
    from jobs.routing.queue import Queue
    from jobs.routing.run import is_listening

    folder = Path(queue)
    if not (folder / "waiting").is_dir():
        print(f"listen: {queue} is no queue of a listener", file=sys.stderr)
        return 2
    counts = Queue(folder).counts()
    print(json.dumps({"listening": is_listening(folder), "images": counts.images, **asdict(counts)}, indent=1))
    return 0


def _listen(options: argparse.Namespace) -> int:
    from jobs.routing.config import Routing
    from jobs.routing.run import QueueInUse, run_until_stopped
    from jobs.routing.supervisor import WorkerNotStarted

    known = {field.name for field in fields(Routing)}
    try:
        if not options.deliver:
            raise ValueError("--deliver is missing: where do the reports go?")
        routing = Routing(**{name: value for name, value in vars(options).items() if name in known})
        if routing.model == PHANTOM:
            print(f"listen: the model that comes with Chex-Ray. {NOTICE}", file=sys.stderr)
        counts = run_until_stopped(routing)
    except (ValueError, OSError) as problem:
        print(f"listen: {problem}", file=sys.stderr)
        return 2
    except (QueueInUse, WorkerNotStarted) as problem:
        print(f"listen: {problem}", file=sys.stderr)
        return 1
    print(readable_counts(counts))
    return 0


def readable_counts(counts) -> str:
    lines = [
        f"{counts.images} images, {counts.delivered} of their reports delivered",
        f"  {counts.waiting:>7} wait for their report, {counts.outgoing} reports for their destination",
        *(f"  {count:>7} × not reported: {reason}" for reason, count in counts.not_reported.items()),
        *(f"  {count:>7} × in quarantine: {reason}" for reason, count in counts.quarantined.items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
