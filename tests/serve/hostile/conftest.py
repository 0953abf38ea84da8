"""One served process for all hostile tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psutil
import pytest

from tests.serve.security.guarded_app import bearer


@dataclass(frozen=True, slots=True)
class Target:
    url: str
    process: psutil.Process

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=bearer("research"), timeout=60)

    def memory(self) -> float:
        """In MiB."""
        return self.process.memory_info().rss / 2**20


@pytest.fixture(scope="package")
def target(model_dir) -> Iterator[Target]:
    command = [sys.executable, "-m", "tests.serve.hostile.server", str(model_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = int(process.stdout.readline())
            yield Target(f"http://127.0.0.1:{port}", psutil.Process(process.pid))
            assert process.poll() is None, "the server has died"
        finally:
            process.kill()


@pytest.fixture
def client(target) -> Iterator[httpx.Client]:
    with target.client() as client:
        yield client
