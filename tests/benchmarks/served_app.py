"""The application as tests.benchmarks.serve asks it: on a Ray of its own, with a key that nothing slows down."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.http_load import Server
from tests.free_ports import free_port

TOKEN = "the-benchmark-s-own"


@contextmanager
def served(model: Path, device: str, settings: dict[str, str]) -> Iterator[Server]:
    """The application, run for as long as the block does."""
    from jobs.cluster import ray_cluster
    from serve.security.new_key import line_of

    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:
        os.environ["RAY_TMPDIR"] = folder
        gpus = {"gpus_per_replica": "0.5"} if device == "cuda" else {}
        with ray_cluster(cpus=max(4, os.cpu_count() or 1), object_store_bytes=2**29):
            from ray import serve

            from serve.app import build
            from serve.arguments import AppArguments

            port = free_port()
            serve.start(http_options={"host": "127.0.0.1", "port": port})
            keys = Path(folder, "keys")
            keys.write_text(line_of("benchmark", TOKEN))
            fixed = {
                "most_images": 4096,
                "image_mebibytes": 8192,
                "keys_file": str(keys),
                "requests_per_second": 10**6,
                "burst": 10**6,
            }
            serve.run(build(AppArguments(model=str(model), device=device, **gpus | fixed | settings)))
            yield Server(port, TOKEN)
            serve.shutdown()
