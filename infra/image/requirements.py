"""Prints what Chex-Ray needs, one requirement a line, from the pyproject.toml of this folder."""

import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
print(*project["dependencies"], sep="\n")
