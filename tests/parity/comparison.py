"""Ours against the recorded value of one quantity, and the tolerances."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

Kind = Literal["forward", "gradient", "loss", "exact"]
TOLERANCES: dict[Kind, tuple[float, float]] = {  # absolute, relative: each number must meet one of them
    "forward": (2e-5, 1e-4),
    "gradient": (1e-4, 1e-4),
    "loss": (1e-5, 1e-5),
    "exact": (0.0, 0.0),
}
NO_GRADIENT = 1e-7  # rounding of a gradient that is 0 in theory


@dataclass(frozen=True, slots=True)
class Compared:
    """Our value and the recorded one; `kind` where the quantity's name does not say it, `note` where it needs a word."""

    ours: Any
    recorded: Any
    kind: Kind | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class NotCompared:
    """A recorded quantity that no value of ours stands against, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; differences are None where there is nothing to subtract."""

    case: str
    quantity: str
    ok: bool
    absolute: float | None = None
    relative: float | None = None
    tolerance: str = ""
    note: str = ""
    skipped: bool = False


def compare(case: str, quantity: str, compared: Compared) -> Row:
    ours, recorded = compared.ours, compared.recorded
    problem = _different_structure(ours, recorded)
    if problem:
        return Row(case, quantity, False, note=problem)
    pairs = [pair for pair in zip(_leaves(ours), _leaves(recorded))]
    numbers = [(_numbers(a), _numbers(b)) for a, b in pairs if _is_number(b)]
    others = sum(a != b for a, b in pairs if not _is_number(b))
    kind = compared.kind or _kind(quantity, [b for _, b in numbers])
    ours_flat, recorded_flat = (_joined([pair[side] for pair in numbers]) for side in (0, 1))
    difference, relative = _differences(ours_flat, recorded_flat)
    limit, relative_limit = TOLERANCES[kind]
    if kind == "gradient":
        # a loss with a small weight has small gradients: an absolute limit alone would let everything pass
        finite = recorded_flat[recorded_flat.isfinite()].abs()
        limit = max(limit * min(1.0, finite.max().item() if finite.numel() else 1.0), NO_GRADIENT)
    ok = not others and bool(((difference <= limit) | (relative <= relative_limit)).all())
    note = f"{others} of {len(pairs)} differ: {_first_difference(pairs)}" if others else compared.note
    tolerance = "exact" if kind == "exact" else f"{limit:.0e} or {relative_limit:.0e} rel"
    return Row(case, quantity, ok, _most(difference), _most(relative), tolerance, note)


def _kind(quantity: str, recorded: list[Tensor]) -> Kind:
    if not any(value.is_floating_point() for value in recorded):
        return "exact"
    if quantity.startswith(("grads.", "extra.grad")):
        return "gradient"
    return "loss" if quantity == "loss" or quantity.startswith("l_") else "forward"


def _is_number(value: Any) -> bool:
    return isinstance(value, Tensor | int | float)  # bool is an int


def _numbers(value: Any) -> Tensor:
    return value.detach().cpu() if isinstance(value, Tensor) else torch.tensor(value)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key in sorted(value):
            yield from _leaves(value[key])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _different_structure(ours: Any, recorded: Any, place: str = "") -> str:
    """What is laid out differently, or nothing: shapes, lengths, keys, and whether a value is a number at all."""
    at = f" at {place}" if place else ""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        if set(ours) != set(recorded):
            missing, extra = sorted(set(recorded) - set(ours)), sorted(set(ours) - set(recorded))
            return f"keys differ{at}: ours lacks {missing[:5]}, has beside {extra[:5]}"
        found = (_different_structure(ours[key], recorded[key], f"{place}.{key}") for key in recorded)
        return next(filter(None, found), "")
    if isinstance(recorded, list | tuple) and isinstance(ours, list | tuple):
        if len(ours) != len(recorded):
            return f"lengths differ{at}: ours {len(ours)}, recorded {len(recorded)}"
        found = (_different_structure(a, b, f"{place}[{i}]") for i, (a, b) in enumerate(zip(ours, recorded)))
        return next(filter(None, found), "")
    if _is_number(recorded) and _is_number(ours):
        shapes = [tuple(_numbers(value).shape) for value in (ours, recorded)]
        return f"shapes differ{at}: ours {shapes[0]}, recorded {shapes[1]}" if shapes[0] != shapes[1] else ""
    if isinstance(recorded, str | None) and isinstance(ours, str | None):
        return ""
    return f"types differ{at}: ours {type(ours).__name__}, recorded {type(recorded).__name__}"


def _joined(values: list[Tensor]) -> Tensor:
    return torch.cat([value.double().flatten() for value in values]) if values else torch.zeros(0, dtype=torch.double)


def _differences(ours: Tensor, recorded: Tensor) -> tuple[Tensor, Tensor]:
    """Absolute and relative ones of every number; equal infinities and two NaN do not differ, one alone does for ever."""
    same = (ours == recorded) | (ours.isnan() & recorded.isnan())
    difference = (ours - recorded).abs().nan_to_num(nan=math.inf, posinf=math.inf)
    difference = torch.where(same, 0.0, difference)
    relative = torch.where(same, 0.0, difference / recorded.abs()).nan_to_num(nan=math.inf, posinf=math.inf)
    return difference, relative


def _most(differences: Tensor) -> float:
    return differences.max().item() if differences.numel() else 0.0


def _first_difference(pairs: list[tuple[Any, Any]]) -> str:
    ours, recorded = next((a, b) for a, b in pairs if not _is_number(b) and a != b)
    return f"ours {ours!r}, recorded {recorded!r}"
