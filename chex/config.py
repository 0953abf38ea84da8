"""How configuration is read: mappings, YAML files and `a.b=c` overrides into frozen dataclasses, every fault at once.

The dataclasses themselves stand beside their rooms: chex/model_config.py and chex/training_config.py.
A dataclass may have a method `problems() -> list[str]`: sentences that start with the field they are about.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

T = TypeVar("T")


class ConfigError(ValueError):
    """The configuration cannot be used. `problems` holds one sentence per fault, with the dotted key first."""

    def __init__(self, problems: Iterable[str], source: str | None = None):
        self.problems = tuple(problems)
        where = f" ({source})" if source else ""
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(f"the configuration{where} cannot be used, {len(self.problems)} problem(s):{lines}")


def load(config_class: type[T], file: str | Path | None = None, overrides: Iterable[str] = ()) -> T:
    """Reads a YAML file (or only the defaults), applies `a.b=c` overrides and checks everything.

    Raises ConfigError with all problems at once; OSError where the file cannot be read.
    """
    mapping = {} if file is None else read_mapping(file)
    return from_mapping(config_class, mapping, overrides=overrides, source=None if file is None else str(file))


def read_mapping(file: str | Path) -> Any:
    """What a YAML file holds; of an empty one {}. Raises ConfigError where it is no YAML, OSError where it is no file."""
    import yaml

    try:
        return yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError([f"the file is not valid YAML: {error}"], source=str(file)) from error


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings with the values of others in their places."""
    new = dict(values)
    for key, change in changes.items():
        before = new.get(key)
        new[key] = merged(before, change) if isinstance(before, Mapping) and isinstance(change, Mapping) else change
    return new


def from_mapping(
    config_class: type[T], mapping: Mapping[str, Any], *, overrides: Iterable[str] = (), source: str | None = None
) -> T:
    """Builds `config_class` from nested mappings; keys that are missing keep their defaults.

    Raises ConfigError naming every unknown key (with the valid ones), wrong type and impossible value.
    """
    if not isinstance(mapping, Mapping):
        raise ConfigError([f"expected key-value pairs, found {type(mapping).__name__}"], source)
    problems: list[str] = []
    config = _build(config_class, _overridden(mapping, overrides, problems), "", problems)
    if problems:
        raise ConfigError(problems, source)
    return config


def with_overrides(config: T, overrides: Iterable[str]) -> T:
    """The same configuration with `a.b=c` overrides applied and everything checked again."""
    return from_mapping(type(config), to_mapping(config), overrides=overrides)


def check(config: Any) -> None:
    """Raises ConfigError if a configuration that was built in Python has wrong types or impossible values."""
    from_mapping(type(config), to_mapping(config))


def to_mapping(config: Any) -> dict[str, Any]:
    """Nested dictionaries and lists, ready for JSON or YAML; the inverse of `from_mapping`."""

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        if isinstance(value, Mapping):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, (tuple, list)) else value

    return plain(config)


def flatten(config: Any) -> dict[str, Any]:
    """Dotted keys to plain values, {"optimizer.lr": 0.0001}: what an experiment tracker shows."""
    flat: dict[str, Any] = {}

    def walk(value: Any, prefix: str) -> None:
        if isinstance(value, Mapping) and value:
            for key, item in value.items():
                walk(item, f"{prefix}.{key}" if prefix else str(key))
        else:
            flat[prefix] = value

    walk(to_mapping(config), "")
    return flat


def _overridden(mapping: Mapping[str, Any], overrides: Iterable[str], problems: list[str]) -> dict[str, Any]:
    import yaml

    def copy(value: Any) -> Any:
        return {key: copy(item) for key, item in value.items()} if isinstance(value, Mapping) else value

    changed = copy(mapping)
    for override in overrides:
        key, equals, text = override.partition("=")
        *parents, name = key.strip().split(".")
        if not equals or not name:
            problems.append(f"override {override!r}: expected KEY=VALUE, for example optimizer.lr=0.0001")
            continue
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            problems.append(f"{key.strip()}: {text!r} is not a value")
            continue
        target = changed
        for parent in parents:
            if not isinstance(target.get(parent), dict):
                target[parent] = {}
            target = target[parent]
        target[name] = value
    return changed


def _build(config_class: type, mapping: Any, prefix: str, problems: list[str]) -> Any:
    if not isinstance(mapping, Mapping):
        problems.append(f"{prefix.rstrip('.')}: expected key-value pairs, found {mapping!r}")
        return None
    hints = typing.get_type_hints(config_class)
    fields = {field.name: field for field in dataclasses.fields(config_class) if field.init}
    before = len(problems)
    values = {}
    for key, value in mapping.items():
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1)
            hint = f"; did you mean {prefix}{near[0]}?" if near else ""
            problems.append(f"{prefix}{key}: no such key{hint} (valid: {', '.join(sorted(fields))})")
        else:
            values[key] = _convert(hints[key], value, f"{prefix}{key}", problems)
    for name, field in fields.items():
        no_default = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if name not in values and no_default:
            problems.append(f"{prefix}{name}: missing, expected {_describe(hints[name])}")
    if len(problems) > before:
        return None
    config = config_class(**values)
    if hasattr(config, "problems"):
        problems.extend(f"{prefix}{problem}" for problem in config.problems())
    return config


def _convert(hint: Any, value: Any, key: str, problems: list[str]) -> Any:
    """The value in the annotated type; on a mismatch a problem is added and None returned."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint):
        return _build(hint, to_mapping(value) if isinstance(value, hint) else value, f"{key}.", problems)
    if origin in (Union, types.UnionType):
        inner: list[str] = []
        for arm in arguments:
            attempt: list[str] = []
            converted = _convert(arm, value, key, attempt)
            if not attempt:
                return converted
            if dataclasses.is_dataclass(arm) and isinstance(value, Mapping):
                inner = attempt  # a dataclass's own faults say more than "expected A or B"
        problems.extend(inner or [_mismatch(hint, value, key)])
        return None
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(kinds) == len(value):
            return tuple(_convert(k, item, f"{key}[{i}]", problems) for i, (k, item) in enumerate(zip(kinds, value)))
    if origin is dict and isinstance(value, Mapping):
        return {
            _convert(arguments[0], name, f"{key} (a key)", problems): _convert(
                arguments[1], item, f"{key}.{name}", problems
            )
            for name, item in value.items()
        }
    if origin is Literal and any(value == choice and type(value) is type(choice) for choice in arguments):
        return value
    if hint is float and not isinstance(value, bool) and isinstance(value, (int, float, str)):
        try:
            number = float(value)  # YAML reads 1e-4 (no dot) as a text
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    if hint is type(None) and value is None:
        return None
    if hint in (int, str, bool) and type(value) is hint:
        return value
    problems.append(_mismatch(hint, value, key))
    return None


def _mismatch(hint: Any, value: Any, key: str) -> str:
    return f"{key}: expected {_describe(hint)}, found {value!r}"


def _describe(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is type(None):
        return "nothing (null)"
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if origin in (Union, types.UnionType):
        return " or ".join(map(_describe, arguments))
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return f"a list of {_describe(arguments[0])}"
        return f"a list of {len(arguments)} values ({', '.join(map(_describe, arguments))})"
    names = {float: "a finite number", int: "a whole number", str: "a text", bool: "true or false"}
    return names.get(hint, "key-value pairs" if origin is dict or dataclasses.is_dataclass(hint) else str(hint))
