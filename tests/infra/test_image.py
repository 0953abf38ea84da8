"""The image's recipe: what it copies is there, what it installs is what `make setup` installs, and it is not root."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "infra" / "image"
RECIPE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def copied() -> list[str]:
    lines = RECIPE.replace("\\\n", " ").splitlines()
    return [
        source
        for line in lines
        if line.startswith("COPY ")
        for source in [word for word in line.split()[1:] if not word.startswith("--")][:-1]
    ]


def test_what_it_copies_exists_and_is_let_through():
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for source in copied():
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored, source
    rooms = {name.rstrip("*") for name in _project()["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert rooms <= set(copied()), "a package that the distribution has is missing"


def test_what_it_installs_is_in_the_lock():
    listed = subprocess.run(
        [sys.executable, str(FOLDER / "requirements.py")], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    requirements = [line for line in listed if line]
    assert requirements == _project()["project"]["dependencies"]
    locked = {_plain(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", LOCK, re.MULTILINE)}
    for requirement in requirements:
        assert _plain(re.match(r"[A-Za-z0-9._-]+", requirement)[0]) in locked, requirement
    assert RECIPE.count("pip install") == RECIPE.count("--constraint requirements.lock")


def test_it_stands_on_the_ray_of_the_lock_and_runs_as_its_user():
    (version,) = re.findall(r"^ray==(\S+)$", LOCK, re.MULTILINE)
    assert set(re.findall(r"RAY_IMAGE=(\S+?)-py311", RECIPE)) == {version}
    assert re.findall(r"^USER (\S+)$", RECIPE, re.MULTILINE)[-1] == "ray"


@pytest.mark.parametrize("recipe", ["infra/image/Dockerfile", "infra/mlflow/Dockerfile"])
def test_the_linter_finds_nothing(recipe):
    linter = shutil.which("hadolint", path=Path(sys.executable).parent)
    done = subprocess.run(
        [linter, "--no-color", "--failure-threshold", "warning", str(ROOT / recipe)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
