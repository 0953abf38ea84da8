"""Tells MLflow what it missed of a run: `python -m jobs.training.tracking RUN --tracking-uri URI`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from jobs.training.run_folder import RunFolder
from jobs.training.tracking import default_tracking_uri, send_waiting


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where something is left, 2 where RUN is none."""
    parser = argparse.ArgumentParser(prog="python -m jobs.training.tracking", description=__doc__)
    parser.add_argument("run", metavar="RUN", help="the --output of a training that does not run now, local or s3://…")
    parser.add_argument("--tracking-uri", metavar="URI", help="MLflow; default: that of jobs.train")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    output = options.run if "://" in options.run else str(Path(options.run).resolve())
    folder = RunFolder(output)
    if not folder.work.names():
        print(f"no run at {options.run}", file=sys.stderr)
        return 2
    left = send_waiting(folder, options.tracking_uri or default_tracking_uri(folder))
    print(f"{left} entries are left" if left else "MLflow knows everything of this run")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
