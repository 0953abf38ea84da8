"""The application with a key, served over HTTP by one process without Ray: `python -m tests.serve.hostile.server MODEL`.

Prints its port. A process of its own: its memory is watched, and if it dies that is seen.
"""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn

from serve.security.guard import GuardSettings
from tests.serve.one_process import OneProcess
from tests.serve.security.guarded_app import LINES


async def main(model: str) -> None:
    guard = GuardSettings(keys_lines=LINES, requests_per_second=1e6, burst=1_000_000)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        async with OneProcess(model, most_waiting=64, most_images=8, guard=guard) as served:
            server = uvicorn.Server(uvicorn.Config(served.app, log_level="error", access_log=False, lifespan="off"))
            print(listening.getsockname()[1], flush=True)
            await server.serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
