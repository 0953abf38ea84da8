"""The command `python -m jobs.listen` as a process of its own, as an operator runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[3]
START = 180.0  # seconds; it loads the model


class Listening:
    """One listener, started with the object; `log` is all that it and its processes have said."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.queue, self._log = folder / "queue", folder / "log"
        self._from = self._log.stat().st_size if self._log.exists() else 0  # what an earlier one said
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jobs.listen", "--queue", str(self.queue), "--port", "0", *arguments],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=self._log.open("ab"), stderr=subprocess.STDOUT,
            env=os.environ | environment,
        )  # fmt: skip
        self.wait_for(lambda: "listens on" in self.log, START)
        self.port = int(re.search(r"listens on \S+ port (\d+)", self.log)[1])

    @property
    def log(self) -> str:
        return self._log.read_bytes()[self._from :].decode(errors="replace")

    def wait_for(self, condition: Callable[[], bool], seconds: float = 600.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise AssertionError(f"it did not come to that:\n{self.log}")
            time.sleep(0.05)

    def worker(self) -> psutil.Process:
        """The process that makes reports: the one of its children that was started last."""
        children = psutil.Process(self.process.pid).children()
        workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        return max(workers, key=lambda child: child.create_time())

    def stop(self) -> int:
        """As a service manager does; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)

    def kill(self) -> None:
        """Without a word, at once. Its worker ends by itself."""
        self.process.kill()
        self.process.wait(30)


def status(queue: Path) -> dict:
    """What `--status` prints."""
    answer = subprocess.run(
        [sys.executable, "-m", "jobs.listen", "--queue", str(queue), "--status"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return json.loads(answer.stdout)
