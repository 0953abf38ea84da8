"""Recorded cases as they lie in a folder: `FILE.json` names the cases, `FILE.safetensors` holds their tensors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILES = ("components", "full_model", "pyfuncs", "metrics")
GROUPS = ("inputs", "params", "outputs", "grads")


class UnreadableCases(Exception):
    """A file of a set that is missing or does not have the expected format."""


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded call: tensors, plain JSON values, or None where the authors' code returned or took nothing.

    kwargs are call and configuration values, extra holds strings and other plain values, header is the whole file's;
    folder is where the weights lie that all cases of a file may share.
    """

    name: str
    inputs: dict[str, Any]
    params: dict[str, Any]
    outputs: dict[str, Any]
    grads: dict[str, Any]
    kwargs: dict[str, Any]
    extra: dict[str, Any]
    header: dict[str, Any] = field(default_factory=dict)
    folder: Path = Path()

    def recorded(self) -> dict[str, Any]:
        """Every recorded quantity by the name under which a check returns its own."""
        return {
            **self.outputs,
            **{f"grads.{name}": value for name, value in self.grads.items()},
            **{f"extra.{name}": value for name, value in self.extra.items()},
        }


def read_cases(folder: Path, file: str) -> list[Case]:
    """The cases of one file; a file without "cases" has one per top-level entry, all of it in `extra`.

    Raises UnreadableCases, naming what is missing or wrong.
    """
    contents = _contents(folder / f"{file}.json")
    header = contents.get("header") or {}
    if "cases" not in contents:
        empty = {group: {} for group in (*GROUPS, "kwargs")}
        parts = {name: part for name, part in contents.items() if name != "header"}
        return [
            Case(name, **empty, extra=part if isinstance(part, dict) else {"value": part}, header=header, folder=folder)
            for name, part in parts.items()
        ]
    value_of = _value_reader(folder / f"{file}.safetensors")
    try:
        return [_case(entry, value_of, header, folder) for entry in contents["cases"]]
    except (KeyError, TypeError, AttributeError) as problem:
        raise UnreadableCases(f"{file}.json: a case is not laid out as expected: {problem!r}") from problem


def parts_of(recorded: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    """The named parts of a recorded value; ValueError where it has others, which nothing would be compared with."""
    if set(recorded) != set(names):
        raise ValueError(f"expected the parts {', '.join(sorted(names))}; found {', '.join(sorted(recorded))}")
    return tuple(recorded[name] for name in names)


def _case(entry: dict, value_of: Callable[[dict | None], Any], header: dict, folder: Path) -> Case:
    groups = {g: {name: value_of(value) for name, value in (entry.get(g) or {}).items()} for g in GROUPS}
    kwargs, extra = entry.get("kwargs") or {}, entry.get("extra") or {}
    return Case(entry["name"], **groups, kwargs=kwargs, extra=extra, header=header, folder=folder)


def _contents(path: Path) -> dict:
    if not path.is_file():
        raise UnreadableCases(f"{path.name} is missing")
    try:
        contents = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise UnreadableCases(f"{path.name} is no JSON: {problem}") from problem
    if not isinstance(contents, dict):
        raise UnreadableCases(f"{path.name}: expected an object, found {type(contents).__name__}")
    return contents


def _value_reader(path: Path) -> Callable[[dict | None], Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except FileNotFoundError as problem:
        raise UnreadableCases(f"{path.name} is missing") from problem
    except SafetensorError as problem:
        raise UnreadableCases(f"{path.name}: {problem}") from problem

    def value_of(entry: dict | None) -> Any:
        if entry is None:
            return None
        # several cases may name the same tensor, and a check may write into its own
        return tensors[entry["tensor"]].clone() if "tensor" in entry else entry["value"]

    return value_of
