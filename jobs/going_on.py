"""Going on with what an earlier run left: only with the settings that it was begun with."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from chex.config import ConfigError, flatten
from pipelines.output_folder import OutputFolder

_SETTINGS = "settings.json"


def check_same(
    output: str | Path, before: Mapping[str, Any], now: Mapping[str, Any], *, free: Collection[str] = ()
) -> None:
    """Raises ConfigError for settings that are not what the run in `output` has, except for those that are free."""
    kept, wanted = flatten(before), flatten(json.loads(json.dumps(now)))
    if problems := [
        f"{key}: the interrupted run has {kept.get(key)!r}, found {wanted.get(key)!r}"
        for key in sorted({*kept, *wanted})
        if kept.get(key) != wanted.get(key) and key not in free
    ]:
        raise ConfigError(problems, source=f"going on with {output}")


def note(folder: Path, settings: Mapping[str, Any]) -> None:
    """Writes down what the results in a folder are made with, for `check_noted`."""
    OutputFolder(str(folder)).write(_SETTINGS, (json.dumps(settings, indent=2) + "\n").encode())


def check_noted(folder: Path, settings: Mapping[str, Any]) -> None:
    """Raises ConfigError if the folder's results are made with other settings; without a note they are not known."""
    if (content := OutputFolder(str(folder)).read(_SETTINGS)) is not None:
        check_same(folder, json.loads(content), settings)
