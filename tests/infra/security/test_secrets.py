"""What is secret is seen by the processes that need it: on no command line, in no log, and not on the dashboard."""

from __future__ import annotations

import json
import threading
import urllib.request
from pathlib import Path
from typing import Self

import psutil
import pytest

from tests.infra.security.listening import family
from tests.jobs.archive import make_pictures
from tests.serve.security.guarded_app import TOKENS, bearer


class Watch:
    """Reads the command lines of all processes below one, again and again, while the block runs."""

    def __init__(self, root: psutil.Process) -> None:
        self.lines: set[str] = set()
        self.environments: list[dict[str, str]] = []
        self._root, self._over = root, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.2):
            for process in family(self._root):
                try:
                    line = " ".join(process.cmdline())
                    if line not in self.lines:
                        self.lines.add(line)
                        self.environments.append(process.environ())
                except (psutil.NoSuchProcess, psutil.ZombieProcess):
                    continue


@pytest.fixture(scope="module")
def seen(one_machine, tiny_model_dir, tmp_path_factory) -> dict[str, str]:
    """Everything that others could read after a job and a request, by where it stands."""
    folder = tmp_path_factory.mktemp("job")
    pictures, output = make_pictures(folder / "pictures", 2), folder / "reports"
    with Watch(one_machine.process) as watch:
        done = one_machine.run(
            "ray", "job", "submit", "--address", one_machine.dashboard, "--working-dir", ".", "--", "python", "-m",
            "jobs.generate_reports", "--model", str(tiny_model_dir), "--input", str(pictures), "--output", str(output),
        )  # fmt: skip
        request = urllib.request.Request(
            f"http://127.0.0.1:{one_machine.http_port}/v1/vocabulary", headers=bearer("ward-3")
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((output / "parquet").iterdir())) == 1
    known = [environment.get("DICOMWEB_PASSWORD") for environment in watch.environments]
    assert any(known), "no process has what it should not tell"
    logs = {
        str(file): file.read_text(errors="replace")
        for file in Path(one_machine.folder, "ray").rglob("*")
        if file.is_file() and "logs" in file.parts
    }
    assert any("raylet" in name for name in logs) and any("serve" in name for name in logs)
    return {
        "command lines": "\n".join(watch.lines),
        "what was printed": done.stdout + done.stderr,
        "jobs on the dashboard": json.dumps(one_machine.ask("/api/jobs/")),
        "the endpoint on the dashboard": json.dumps(one_machine.ask("/api/serve/applications/")),
        "actors on the dashboard": json.dumps(one_machine.ask("/api/v0/actors?detail=true")),
        "tasks on the dashboard": json.dumps(one_machine.ask("/api/v0/tasks?detail=true")),
        **logs,
    }


def test_secrets_are_on_no_command_line_in_no_log_and_not_on_the_dashboard(seen, one_machine, given):
    secret = {**given, "Ray's token": one_machine.token, "a key of the endpoint": TOKENS["ward-3"]}
    assert "generate_reports" in seen["command lines"] and "generate_reports" in seen["jobs on the dashboard"]
    for name, value in secret.items():
        assert [place for place, text in seen.items() if value in text] == [], name


def test_the_token_is_its_users_alone(one_machine):
    folder = Path(one_machine.environment["HOME"], ".ray")
    assert folder.stat().st_mode & 0o077 == 0 and (folder / "auth_token").stat().st_mode & 0o077 == 0
