"""A real S3 store of one process (moto's server), and a line to it that breaks now and then."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.free_ports import free_port

BUCKET = "bucket"


class S3Server:
    """Started with the object, ended with `stop`. `environment` is what its users set."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 60
        while not self._answers():
            if time.monotonic() > end or self._process.poll() is not None:
                self.stop()
                raise OSError(f"moto's server did not start on port {self.port}")
            time.sleep(0.05)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "anything",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5):
                return True
        except (OSError, urllib.error.URLError):
            return False


@contextmanager
def s3_in_use() -> Iterator[S3Server]:
    """A server that this process uses as a user would, by its environment; `filesystem` holds an empty bucket."""
    import s3fs

    running = S3Server()
    try:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in running.environment.items():
                environment.setenv(name, value)
            s3fs.S3FileSystem.clear_instance_cache()
            running.filesystem = s3fs.S3FileSystem(use_listings_cache=False)
            running.filesystem.mkdir(BUCKET)
            yield running
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        running.stop()


class FaultyLine:
    """A TCP line to a port: of either way the first `cuts` connections are cut that carry more than `after` bytes.

    Once `last` is sent to the store the line is dead for good. `port`: where it begins (0: at a free one).
    """

    def __init__(self, target: int, *, cuts: int = 0, after: int = 0, last: bytes | None = None, port: int = 0) -> None:
        self.cut = {"to the store": 0, "from the store": 0}
        self._target, self._cuts, self._after, self._last = target, cuts, after, last
        self._listener = socket.create_server(("127.0.0.1", port))
        self._open: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        for line in (self._listener, *self._open):
            _close(line)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # stopped
            server = socket.create_connection(("127.0.0.1", self._target))
            self._open += [client, server]
            for name, source, sink in (("to the store", client, server), ("from the store", server, client)):
                threading.Thread(target=self._copy, args=(name, source, sink), daemon=True).start()

    def _copy(self, name: str, source: socket.socket, sink: socket.socket) -> None:
        carried = 0
        try:
            while chunk := source.recv(4096):
                if self._last and self._last in chunk and name == "to the store":
                    self.stop()
                carried += len(chunk)
                if carried > self._after and self.cut[name] < self._cuts:
                    self.cut[name] += 1
                    sink.sendall(chunk[: self._after - carried])
                    break
                sink.sendall(chunk)
        except OSError:
            pass  # the other direction was cut
        _close(source)
        _close(sink)


def _close(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for it
    except OSError:
        pass  # closed already
    line.close()
