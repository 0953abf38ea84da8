"""Whether our commands take the arguments that documents and manifests give them."""

from __future__ import annotations

import importlib
from argparse import ArgumentParser
from collections.abc import Sequence

import pytest


class _Read(Exception):
    """Raised in place of going on after the arguments were read."""


def check_arguments(module: str, arguments: Sequence[str]) -> None:
    """`python -m MODULE ARGUMENTS` up to its arguments, which it must read; it ends as a command does that takes others."""
    read = ArgumentParser.parse_args

    def parse(self, *given, **named):
        read(self, *given, **named)
        raise _Read

    with pytest.MonkeyPatch.context() as patch, pytest.raises(_Read):
        patch.setattr(ArgumentParser, "parse_args", parse)
        importlib.import_module(module).main(list(arguments))
