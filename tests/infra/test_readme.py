"""The three ways of README.md name files, folders and commands that exist."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.infra.commands import check_arguments
from tests.infra.manifests import FOLDERS, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
START = README[README.index("## Start") : README.index("## What the demo's figures mean")]
COMMANDS = "\n".join(re.findall(r"```\n(.*?)```", START, re.DOTALL))


def test_there_are_three_ways():
    assert re.findall(r"^### (.*)$", START, re.MULTILINE) == ["On a laptop", "On a Ray cluster", "On Kubernetes"]


def test_what_is_applied_and_deployed_is_there():
    applied = re.findall(r"kubectl apply -k infra/kubernetes/(\S+)", COMMANDS)
    assert len(applied) >= 3 and set(applied) <= set(FOLDERS)
    files = re.findall(r"(?:ray (?:up|dashboard)|serve deploy) (\S+)", COMMANDS)
    assert len(files) >= 3 and all((ROOT / file).is_file() for file in files)


def test_targets_of_make_are_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^make (\w+)", COMMANDS, re.MULTILINE)
    assert len(targets) >= 3 and all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


@pytest.mark.parametrize("command", [line for line in re.findall(r"python -m (jobs\..*)", COMMANDS) if "…" not in line])
def test_jobs_take_their_arguments(command):
    module, *arguments = shlex.split(command.replace("$PWD", "/tmp"), comments=True)
    check_arguments(module, arguments)
