"""Cases recorded from the authors' implementation: `shared/parity/SET/components.json` and its tensors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Case:
    inputs: dict[str, Any]
    params: dict[str, Any]
    outputs: dict[str, Any]
    kwargs: dict[str, Any]


class Recorded:
    """`recorded("focal_probs_auto")` gives the case of this name; absent values are None."""

    def __init__(self, folder: Path) -> None:
        from safetensors.torch import load_file

        self._tensors = load_file(folder / "components.safetensors")
        cases = json.loads((folder / "components.json").read_text())["cases"]
        self._cases = {case["name"]: case for case in cases}

    def __call__(self, name: str) -> Case:
        case = self._cases[name]
        groups = [case.get(group) or {} for group in ("inputs", "params", "outputs")]
        return Case(*({key: self._value(entry) for key, entry in group.items()} for group in groups), case["kwargs"])

    def _value(self, entry: dict | None) -> Any:
        if entry is None:
            return None
        return self._tensors[entry["tensor"]] if "tensor" in entry else entry["value"]


def recorded_sets(shared: Path) -> list[Path]:
    """The folders that hold recorded components."""
    return sorted(path.parent for path in (shared / "parity").glob("*/components.json"))
