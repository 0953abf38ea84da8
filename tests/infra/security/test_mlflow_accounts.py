"""The team's MLflow server, started as infra/mlflow says: whoever has no account is told nothing, and no secret is shown."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
import yaml

from tests.infra.security.listening import family
from tests.mlflow_server import MlflowServer, PostgresServer

FOLDER = Path(__file__).resolve().parents[3] / "infra" / "mlflow"
# that it lives, files of the page without anything in them, and what the server can do
OPEN = {"GET /health", "GET /static-files/x", "GET /api/3.0/mlflow/server-info", "GET /ajax-api/3.0/mlflow/server-info"}
LIST = """
import json
from mlflow.server import app, auth
outer = auth.create_app(app)
ways = [(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods]
ways += [(method.upper(), path) for path, methods in outer.openapi()["paths"].items() for method in methods]
print("ROUTES", json.dumps(ways))
"""


class Accounts:
    """The server, and what it was given."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.database = folder, PostgresServer()
        uri = f"postgresql+psycopg2://mlflow@127.0.0.1:{self.database.port}/postgres"  # without the password
        settings = (FOLDER / "auth.ini").read_text(encoding="utf-8")
        (folder / "auth.ini").write_text(
            re.sub("^database_uri = .*$", f"database_uri = {uri}", settings, flags=re.MULTILINE)
        )
        self.secrets = {
            "PGPASSWORD": self.database.password,
            "MLFLOW_AUTH_ADMIN_PASSWORD": secrets.token_hex(12),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(24),
            "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
        }
        self.environment = {
            **self.secrets,
            "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
            "MLFLOW_AUTH_ADMIN_USERNAME": "admin",
            "AWS_ACCESS_KEY_ID": "anything",
        }
        service = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))["services"]["mlflow"]
        taken = ("--host", "--app-name", "--workers")  # address, files and port are of this machine
        options = [option for option in service["command"] if option.startswith(taken)]
        try:
            self.server = MlflowServer(uri, folder, options=options, environment=self.environment)
        except BaseException:
            self.database.stop()
            raise

    def stop(self) -> None:
        self.server.kill()
        self.database.stop()

    def status(self, method: str, path: str) -> int:
        body = b"{}" if method in ("POST", "PUT", "PATCH") else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.server.uri + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code

    def routes(self) -> list[tuple[str, str]]:
        """Method and path of everything that the server answers at."""
        environment = {
            **os.environ, **self.environment, "_MLFLOW_SGI_NAME": "uvicorn", "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_BACKEND_STORE_URI": self.database.uri, "_MLFLOW_SERVER_FILE_STORE": self.database.uri,
        }  # fmt: skip
        told = subprocess.run(
            [sys.executable, "-c", LIST], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        (line,) = re.findall("^ROUTES (.*)$", told.stdout, re.MULTILINE) or pytest.fail(told.stderr)
        ways = {(method, re.sub("<[^>]+>|{[^}]+}", "x", path)) for method, path in json.loads(line)}
        return sorted(way for way in ways if way[0] not in ("HEAD", "OPTIONS"))


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    pytest.importorskip("flask_wtf", reason="MLflow's accounts need flask-wtf: pip install 'mlflow[auth]'")
    accounts = Accounts(tmp_path_factory.mktemp("mlflow"))
    yield accounts
    accounts.stop()


def test_without_an_account_every_route_is_refused(accounts):
    routes = accounts.routes()
    assert len(routes) > 100
    answered = {f"{method} {path}" for method, path in routes if accounts.status(method, path) != 401}
    assert answered <= OPEN


def test_an_account_is_let_in(accounts):
    import base64

    name = f"admin:{accounts.secrets['MLFLOW_AUTH_ADMIN_PASSWORD']}"
    request = urllib.request.Request(
        f"{accounts.server.uri}/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default",
        headers={"Authorization": "Basic " + base64.b64encode(name.encode()).decode()},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.load(answer)["experiment"]["name"] == "Default"


def test_no_secret_is_on_a_command_line_or_in_the_log(accounts):
    processes = family(psutil.Process(accounts.server.pid))
    lines = [" ".join(process.cmdline()) for process in processes]
    known = [process.environ() for process in processes]
    assert any("mlflow" in line for line in lines) and accounts.server.log
    for name, secret in accounts.secrets.items():
        assert any(environment.get(name) == secret for environment in known), "the server does not have it at all"
        assert not any(secret in text for text in (*lines, accounts.server.log)), name
