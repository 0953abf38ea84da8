"""What a program and its children listen on, and what they answer there to a caller without credentials."""

from __future__ import annotations

import http.client
import importlib
import ipaddress
import pkgutil
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

PATIENCE = 5.0
# Ray's agents run what is posted to one of these
PAGES = (
    ("GET", "/"),
    ("GET", "/metrics"),
    ("POST", "/api/jobs/"),
    ("POST", "/api/job_agent/jobs/"),
    ("POST", "/get_or_create_runtime_env"),
)
NO_CREDENTIALS = ({}, {"authorization": "Bearer " + "0" * 64})


@dataclass(frozen=True, slots=True)
class Listener:
    """`program`: the name of a process, of the Python file that it runs, or of its module."""

    program: str
    address: str
    port: int

    @property
    def is_loopback(self) -> bool:
        address = ipaddress.ip_address(self.address)
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def family(root: psutil.Process) -> list[psutil.Process]:
    return [root, *root.children(recursive=True)]


def listeners(root: psutil.Process) -> list[Listener]:
    """Every TCP port of a process and all below it."""
    found = []
    for process in family(root):
        try:
            program = program_of(process)
            for one in process.net_connections("tcp"):
                if one.status == psutil.CONN_LISTEN:
                    found.append(Listener(program, one.laddr.ip, one.laddr.port))
        except (psutil.NoSuchProcess, psutil.ZombieProcess):  # it has ended meanwhile
            continue
    return found


def program_of(process: psutil.Process) -> str:
    words = process.cmdline() or [process.name()]
    if "-m" in words:
        return words[words.index("-m") + 1]
    scripts = [Path(word).name for word in words[1:3] if word.endswith(".py")]
    of_ray = re.match("ray::[A-Za-z]+", process.name())  # which says in its name what it works on, too
    return scripts[0] if scripts else of_ray[0] if of_ray else process.name()


def an_address_of_this_machine() -> str | None:
    """One that others may reach it by."""
    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family == socket.AF_INET and not ipaddress.ip_address(one.address).is_loopback:
                return one.address
    return None


def speaks_grpc(host: str, port: int) -> bool:
    """HTTP/2 without an HTTP/1 before it: what a server answers first are its settings."""
    with socket.create_connection((host, port), timeout=PATIENCE) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        frame = connection.recv(9)
    return len(frame) == 9 and frame[3] == 4


def answered_over_http(host: str, port: int, pages: Iterable[tuple[str, str]] = PAGES) -> dict[str, int]:
    """The status of each page that is not refused with 401 or 403."""
    answered = {}
    for credentials in NO_CREDENTIALS:
        for method, page in pages:
            connection = http.client.HTTPConnection(host, port, timeout=30)
            try:
                connection.request(method, page, headers=credentials, body=b"{}" if method == "POST" else None)
                status = connection.getresponse().status
            finally:
                connection.close()
            if status not in (401, 403):
                answered[f"{method} {page}"] = status
    return answered


def answered_over_grpc(host: str, port: int) -> tuple[dict[str, str], int]:
    """The outcome of each of Ray's methods that the port has and does not refuse, and how many it refuses."""
    import grpc

    answered, refused = {}, 0
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        for credentials in NO_CREDENTIALS:
            for method in ray_methods():
                try:
                    channel.unary_unary(method)(b"", timeout=PATIENCE, metadata=tuple(credentials.items()))
                    answered[method] = "OK"
                except grpc.RpcError as fault:
                    if fault.code() is grpc.StatusCode.UNAUTHENTICATED:
                        refused += 1
                    elif fault.code() is not grpc.StatusCode.UNIMPLEMENTED:
                        answered[method] = fault.code().name
    return answered, refused


@cache
def ray_methods() -> tuple[str, ...]:
    """Paths of all remote procedures: those that Ray's Python parts describe, and those named in its programs."""
    import ray

    methods = {*_described("ray.core.generated"), *_described("ray.serve.generated")}
    programs = Path(ray.__file__).parent / "core" / "src" / "ray"
    for program in (programs / "gcs" / "gcs_server", programs / "raylet" / "raylet"):
        named = re.findall(rb"/(ray\.rpc\.[A-Za-z.]+Service/[A-Za-z]+)\0", program.read_bytes())
        methods |= {f"/{name.decode()}" for name in named}
    return tuple(sorted(methods))


def _described(package: str) -> Iterator[str]:
    folder = importlib.import_module(package).__path__
    for module in pkgutil.iter_modules(folder):
        if module.name.endswith("_pb2"):
            try:
                services = importlib.import_module(f"{package}.{module.name}").DESCRIPTOR.services_by_name
            except (ImportError, TypeError):  # one that was generated for another release of protobuf's
                continue
            for service in services.values():
                yield from (f"/{service.full_name}/{method.name}" for method in service.methods)
