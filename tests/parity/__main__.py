"""`python -m tests.parity CASE_DIR [--only components,full_model,pyfuncs,metrics]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from tests.parity.cases import FILES
from tests.parity.run import run_files
from tests.parity.table import lines_of, summary_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; 0 if all is within its tolerance, 1 if anything is not, 2 for a call that makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description="Compares with recorded cases.")
    parser.add_argument("folder", type=_folder, metavar="CASE_DIR", help="a folder of recorded cases")
    parser.add_argument("--only", type=_files, default=FILES, metavar="FILE,…", help=f"some of {', '.join(FILES)}")
    options = parser.parse_args(arguments)
    with one_thread():
        rows = list(run_files(options.folder, options.only))
    print(*lines_of(rows), summary_of(rows), sep="\n")
    return 0 if all(row.ok for row in rows) else 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Recorded tensors are so small that threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"expected a folder of recorded cases; there is none at {text!r}")
    return Path(text)


def _files(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    unknown = [name for name in names if name not in FILES]
    if unknown:
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(FILES)}; found {', '.join(map(repr, unknown))}")
    return names


if __name__ == "__main__":
    sys.exit(main())
