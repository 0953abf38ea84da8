"""The files for a team's MLflow server: options and versions that exist, and no secrets."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "infra" / "mlflow"


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))["services"]


def test_the_server_is_started_with_options_that_it_has(services):
    import click
    from mlflow.cli import cli

    command = services["mlflow"]["command"]
    assert command[:2] == ["mlflow", "server"]
    known = {name: option for option in cli.commands["server"].params for name in option.opts}
    for argument in command[2:]:
        name, value = argument.split("=", 1)
        assert name in known, f"{name}: mlflow server has {', '.join(sorted(known))}"
        if isinstance(known[name].type, click.Choice):
            assert value in known[name].type.choices
    names = {argument.split("=")[0] for argument in command[2:]}
    assert {"--backend-store-uri", "--artifacts-destination", "--app-name", "--allowed-hosts"} <= names


def test_server_and_clients_have_the_same_versions(services):
    assert services["mlflow"]["build"] == "."
    locked = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    pinned = re.findall(r'"([a-z0-9-]+)(?:\[auth\])?==([^"]+)"', (FOLDER / "Dockerfile").read_text(encoding="utf-8"))
    assert {name for name, _ in pinned} == {"mlflow", "psycopg2-binary", "boto3"}
    assert all(locked[name] == version for name, version in pinned)


def test_mlflow_knows_the_variables_that_are_set(services):
    from mlflow import environment_variables

    ours = [name for name in services["mlflow"]["environment"] if name.startswith("MLFLOW_")]
    assert ours and all(hasattr(environment_variables, name) for name in ours)


def test_credentials_come_from_the_environment_and_are_asked_for(services):
    for service in services.values():
        for name, value in service["environment"].items():
            if re.search("PASSWORD|SECRET|KEY", name):
                assert re.fullmatch(r"\$\{[A-Z_]+(:\?[^}]+)?\}", value), name
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    needed = set(re.findall(r"\$\{([A-Z_]+):\?", text))
    told = set(re.findall(r"^([A-Z_]+)=", (FOLDER / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert needed == told


def test_nothing_but_this_machine_reaches_the_server_without_the_proxy(services):
    assert services["mlflow"]["ports"] == ["127.0.0.1:5000:5000"] and "ports" not in services["postgres"]


def test_the_list_of_accounts_lies_in_the_same_database(services):
    settings = configparser.ConfigParser()
    settings.read(FOLDER / "auth.ini")
    assert settings["mlflow"]["default_permission"] == "EDIT" and "admin_password" not in settings["mlflow"]
    assert f"--backend-store-uri={settings['mlflow']['database_uri']}" in services["mlflow"]["command"]
