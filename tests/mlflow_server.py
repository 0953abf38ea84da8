"""A real MLflow server with PostgreSQL behind it, which can be stopped in the middle and started again."""

from __future__ import annotations

import glob
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.free_ports import free_port
from tests.needed_tools import require_tool

START = 120.0  # seconds; the database's tables are made meanwhile


class PostgresServer:
    """A new, empty database on a free port of this machine, with a password; `stop` removes it.

    PostgreSQL refuses to run as root: then another user owns it.
    """

    def __init__(self) -> None:
        # Debian keeps the server's programs out of the usual path
        places = os.pathsep.join(sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True))
        initdb, postgres = (require_tool(name, "postgresql", places=places) for name in ("initdb", "postgres"))
        self.port, self.password = free_port(), secrets.token_hex(16)
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-", dir="/tmp"))
        self._process: subprocess.Popen | None = None
        data, password, log = self._folder / "data", self._folder / "password", self._folder / "log"
        password.write_text(self.password)
        self._identity = _other_user() if os.geteuid() == 0 else {}
        if self._identity:
            for place in (self._folder, password):
                os.chown(place, self._identity["user"], self._identity["group"])
        options = ["-D", str(data), "-U", "mlflow", f"--pwfile={password}", "-A", "scram-sha-256", "-E", "UTF8"]
        self._run([initdb, *options, "--locale=C", "--no-sync"])
        self._process = subprocess.Popen(
            [postgres, "-D", str(data), "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
             "-c", "unix_socket_directories=", "-c", "fsync=off"],
            cwd="/", stdin=subprocess.DEVNULL, stdout=log.open("wb"), stderr=subprocess.STDOUT, **self._identity,
        )  # fmt: skip
        _wait(self._answers, self._process, log)

    @property
    def uri(self) -> str:
        return f"postgresql+psycopg2://mlflow:{self.password}@127.0.0.1:{self.port}/postgres"

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # closes what is open
            self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, command: list[str]) -> None:
        answer = subprocess.run(
            command, cwd="/", capture_output=True, text=True, timeout=120, check=False, **self._identity
        )
        if answer.returncode:
            self.stop()
            raise OSError(f"{command[0]}: {answer.stderr}")

    def _answers(self) -> bool:
        import psycopg2

        try:
            psycopg2.connect(
                host="127.0.0.1", port=self.port, user="mlflow", password=self.password, dbname="postgres"
            ).close()
            return True
        except psycopg2.OperationalError:
            return False


class MlflowServer:
    """`mlflow server` on a free port. `pause` and `go_on` stop and wake it, `kill` and `start` end and begin it.

    `options` come after those it has anyway, of which the last counts; `environment` beside this process's.
    """

    def __init__(
        self, database: str, folder: Path, *, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self.port, self._database, self._folder = free_port(), database, folder
        self.uri = f"http://127.0.0.1:{self.port}"
        self._options, self._environment = options, environment or {}
        self.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return (self._folder / "server.log").read_text(errors="replace")

    def start(self) -> None:
        log = self._folder / "server.log"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port),
             "--workers", "1", "--artifacts-destination", (self._folder / "artifacts").as_uri(), *self._options],
            cwd=self._folder, start_new_session=True,  # it has children, which are stopped with it
            stdin=subprocess.DEVNULL, stdout=log.open("ab"), stderr=subprocess.STDOUT,
            # in the environment, as anybody may read a command line
            env={**os.environ, "MLFLOW_BACKEND_STORE_URI": self._database, "MLFLOW_DISABLE_TELEMETRY": "true",
                 "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **self._environment},
        )  # fmt: skip
        _wait(self._answers, self._process, log)

    def pause(self) -> None:
        os.killpg(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.killpg(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False


def _wait(answers: Callable[[], bool], process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START
    while not answers():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise OSError(f"{process.args[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _other_user() -> dict:
    names = {user.pw_name: user for user in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
