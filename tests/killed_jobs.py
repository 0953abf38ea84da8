"""Jobs in processes of their own, to be killed: how they are started, and found by the folder of their Ray."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]


def started(command: list[str], **environment: str) -> subprocess.Popen:
    """Python with these arguments; it starts a Ray of its own unless the environment has RAY_ADDRESS."""
    known = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=known | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def processes_of(folder: str) -> list[psutil.Process]:
    """Ray's processes and workers whose session lies in the folder."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "environ", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and any(
            folder in text
            for text in (*(process.info["cmdline"] or ()), (process.info["environ"] or {}).get("RAY_TMPDIR", ""))
        )
    ]
