"""Two hosts of one Ray cluster with a line between them that can be made bad: network namespaces and a pair of veths."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.needed_tools import require_tool
from tests.started_ray import ENVIRONMENT, PROGRAMS, ROOT

HEAD, OTHER = "10.77.0.1", "10.77.0.2"
SYSTEM = "/usr/sbin:/sbin"  # where Debian keeps both programs


@dataclass(frozen=True, slots=True)
class Host:
    namespace: str
    address: str

    def command(self, *words: str, **environment: str) -> list[str]:
        """What runs a command on this host, as a list for `subprocess`."""
        variables = [f"{name}={value}" for name, value in environment.items()]
        return [
            require_tool("ip", "iproute2", places=SYSTEM),
            "netns",
            "exec",
            self.namespace,
            "env",
            *variables,
            *words,
        ]

    def processes(self, title: str) -> list[int]:
        """Those that run here and have the words in their title."""
        found = _done("ip", "netns", "pids", self.namespace)
        return [int(pid) for pid in found.split() if title in _title(int(pid))]

    def rules(self, *rules: str) -> None:
        """What becomes of packets that come over the line; nothing: they are let in."""
        lines = ["flush chain ip line in", *(f"add rule ip line in iifname line {rule}" for rule in rules)]
        nft = require_tool("nft", "nftables", places=SYSTEM)
        subprocess.run(self.command(nft, "-f", "-"), input="\n".join(lines), text=True, check=True)


@dataclass(frozen=True, slots=True)
class TwoHosts:
    """The first has the cluster's head; programs are started there."""

    first: Host
    second: Host

    def start(self, *words: str, log: Path, **environment: str) -> subprocess.Popen:
        """Python with these arguments, on the first host, with the cluster's address."""
        command = self.first.command(sys.executable, *words, RAY_ADDRESS=f"{HEAD}:6379", **environment)
        with log.open("w") as sink:
            return subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdout=sink, stderr=subprocess.STDOUT)

    def lose(self, percent: int) -> None:
        """Of the packets in either direction, at random."""
        for host in (self.first, self.second):
            host.rules(f"numgen random mod 100 < {percent} drop")

    def cut(self) -> None:
        for host in (self.first, self.second):
            host.rules("drop")

    def mend(self) -> None:
        for host in (self.first, self.second):
            host.rules()


@contextmanager
def two_hosts(cpus: int, **settings: str) -> Iterator[TwoHosts]:
    """A Ray cluster over both while the block runs, with `cpus` slots each. settings: environment of its processes.

    Skips where namespaces are not permitted; a program that is missing fails in continuous integration.
    """
    nft = require_tool("nft", "nftables", places=SYSTEM)
    require_tool("ip", "iproute2", places=SYSTEM)
    hosts = TwoHosts(*(Host(f"chex-{os.getpid()}-{number}", address) for number, address in enumerate((HEAD, OTHER))))
    started: list[subprocess.Popen] = []
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        try:
            _join(hosts, nft)
            for number, host in enumerate((hosts.first, hosts.second)):
                place = ["--head", "--port=6379", "--include-dashboard=false", f"--temp-dir={folder}"]
                command = [str(PROGRAMS / "ray"), "start", "--block", f"--node-ip-address={host.address}",
                           f"--num-cpus={cpus}", f"--object-store-memory={100 * 2**20}",
                           *([f"--address={HEAD}:6379"] if number else place)]  # fmt: skip
                started.append(
                    subprocess.Popen(
                        host.command(*command, **settings), cwd=ROOT, env=ENVIRONMENT,
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    )
                )  # fmt: skip
                _wait_for_nodes(hosts, number + 1, Path(folder, "nodes.log"), settings)
            yield hosts
        finally:
            for process in started:
                for member in (*psutil.Process(process.pid).children(recursive=True), process):
                    member.kill()
                process.wait(timeout=60)
            for host in (hosts.first, hosts.second):
                subprocess.run(["ip", "netns", "del", host.namespace], check=False, stderr=subprocess.DEVNULL)


def _join(hosts: TwoHosts, nft: str) -> None:
    first, second = hosts.first, hosts.second
    for host in (first, second):
        made = subprocess.run(["ip", "netns", "add", host.namespace], capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"no network namespaces here: {made.stderr.strip()}")
    pair = ["ip", "link", "add", "line", "netns", first.namespace, "type", "veth", "peer", "name", "line"]
    _done(*pair, "netns", second.namespace)
    for host in (first, second):
        _done("ip", "-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "line")
        for device in ("lo", "line"):
            _done("ip", "-n", host.namespace, "link", "set", device, "up")
        table = "add table ip line\nadd chain ip line in { type filter hook input priority 0; }"
        subprocess.run(host.command(nft, "-f", "-"), input=table, text=True, check=True)


def _wait_for_nodes(hosts: TwoHosts, count: int, log: Path, settings: dict[str, str], patience: float = 90.0) -> None:
    counted = f"import ray; ray.init(); exit(sum(node['Alive'] for node in ray.nodes()) != {count})"
    deadline = time.monotonic() + patience
    while hosts.start("-c", counted, log=log, **settings).wait():
        if time.monotonic() > deadline:
            raise RuntimeError(f"expected {count} nodes: {log.read_text()[-2000:]}")


def _done(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _title(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""
