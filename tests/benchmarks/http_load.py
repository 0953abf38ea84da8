"""Clients that ask over HTTP: plain sockets and no library, so that they take little of the machine they measure on."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Self


@dataclass
class Measured:
    """Answers (200 or 201) in all and a second, latencies in seconds, and how many of the machine's cores the clients kept
    busy meanwhile.
    """

    answers: int = 0
    rate: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    clients_cores: float = 0.0

    def percentile(self, percent: float) -> float:
        """Seconds; NaN without any answer."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else float("nan")


@dataclass(frozen=True)
class Server:
    """Where it listens, and the token of the key it wants, if any."""

    port: int
    token: str | None = None
    host: str = "127.0.0.1"

    @property
    def headers(self) -> str:
        """Those of every request."""
        key = f"\r\nAuthorization: Bearer {self.token}" if self.token else ""
        return f"Host: {self.host}:{self.port}{key}"


class Connection:
    """One kept-alive HTTP/1.1 connection."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._server.host, self._server.port, limit=2**24)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def post(self, path: str, body: bytes, content_type: str = "application/json") -> tuple[int, bytes]:
        """Status and content."""
        head = f"POST {path} HTTP/1.1\r\n{self._server.headers}\r\nContent-Type: {content_type}"
        self._writer.write(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        if b"transfer-encoding: chunked" in head:
            return status, await self._chunks()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return status, await self._reader.readexactly(length)

    async def _chunks(self) -> bytes:
        content = b""
        while size := int(await self._reader.readline(), 16):
            content += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readline()
        return content

    async def upload(self, file: bytes) -> str | None:
        """The image's id; None where the server has too much to do."""
        form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + file + b"\r\n--x--\r\n"
        status, content = await self.post("/v1/images", form, "multipart/form-data; boundary=x")
        if status == 503:
            return None
        if status != 201:
            raise RuntimeError(f"an upload was answered {status}: {content[:300]!r}")
        return json.loads(content)["image_id"]


Request = Callable[[Connection, int], Awaitable[bool]]  # the number of the request -> whether it was answered


async def closed_loop(server: Server, request: Request, clients: int, seconds: float) -> Measured:
    """Each client asks again as soon as it has its answer; the first fifth of the time warms up and does not count."""
    measured, answers = Measured(), list[float]()
    numbers = iter(range(10**9))
    began, cpu_before = time.perf_counter(), time.process_time()
    counts_from, ends = began + seconds / 5, began + 1.2 * seconds

    async def client() -> None:
        async with Connection(server) as connection:
            while (asked := time.perf_counter()) < ends:
                answered = await request(connection, next(numbers))
                now = time.perf_counter()
                if answered:
                    answers.append(now)
                if asked >= counts_from:
                    _count(measured, answered, now - asked)
                if not answered:
                    await asyncio.sleep(1)  # as Retry-After says

    await asyncio.gather(*(client() for _ in range(clients)))
    measured.clients_cores = (time.process_time() - cpu_before) / (time.perf_counter() - began)
    measured.answers, measured.rate = len(answers), steady_rate(answers, clients, counts_from, ends)
    return measured


def steady_rate(answers: Sequence[float], clients: int, counts_from: float, ends: float) -> float:
    """Answers a second while all clients were asking; answers: when each came, in order.

    From one answer to another, the first after every client has had one: else what the server worked on before it, or
    beyond the end, would count as time without its answers, and slow answers come in waves.
    """
    if len(answers) <= clients:
        return 0.0
    begins = max(counts_from, answers[clients - 1])
    first = max(place for place, at in enumerate(answers) if at <= begins)
    last = max((place for place, at in enumerate(answers) if first < place and at <= ends), default=len(answers) - 1)
    return (last - first) / (answers[last] - answers[first])


async def open_loop(server: Server, request: Request, rate: float, seconds: float) -> Measured:
    """Requests come at random, `rate` a second on average, whether earlier ones are answered or not."""
    measured = Measured()
    draw = random.Random(0)
    free: list[Connection] = []
    every: list[Connection] = []

    async def one(number: int, due: float) -> None:
        if free:
            connection = free.pop()
        else:
            connection = await Connection(server).__aenter__()
            every.append(connection)
        answered = await request(connection, number)
        _count(measured, answered, time.perf_counter() - due)
        free.append(connection)

    began, cpu_before = time.perf_counter(), time.process_time()
    due, tasks, ends = began, [], began + seconds
    while due < ends:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(len(tasks), due)))
        due += draw.expovariate(rate)
    await asyncio.gather(*tasks)
    measured.clients_cores = (time.process_time() - cpu_before) / (time.perf_counter() - began)
    measured.answers = len(measured.latencies)
    measured.rate = measured.answers / seconds
    for connection in every:
        await connection.__aexit__()
    return measured


def _count(measured: Measured, answered: bool, seconds: float) -> None:
    if answered:
        measured.latencies.append(seconds)
    else:
        measured.refused += 1
