"""How the cases of this file are laid out: what figures are computed from, and figures by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.parity.cases import Case
from tests.parity.comparison import Compared, NotCompared
from tests.parity.registry import Found

GIVEN = NotCompared("what the figures are computed from")
BELOW = NotCompared("compared one by one below")


def given(case: Case, *names: str) -> Found:
    """The parts of a case that are no results; a remark is one of them."""
    found = {f"extra.{name}": GIVEN for name in names if name in case.extra}
    return found | ({"extra.note": NotCompared("a remark")} if "note" in case.extra else {})


def compared(part: str, ours: Mapping[str, Any], recorded: Mapping[str, Any]) -> Found:
    """Every figure of a part by itself; ValueError where one side has a figure that the other lacks."""
    return {f"extra.{part}": BELOW, **one_by_one(part, ours, recorded)}


def one_by_one(place: str, ours: Mapping[str, Any], recorded: Mapping[str, Any]) -> Found:
    """The same of a part that lies within another."""
    unknown, missing = set(recorded) - set(ours), set(ours) - set(recorded)
    if unknown or missing:
        raise ValueError(f"{place}: unknown figures {sorted(unknown)}, figures that are missing {sorted(missing)}")
    return {
        f"{place}.{name}": value
        if isinstance(value, NotCompared)
        else Compared(_number(value), recorded[name], kind="forward")
        for name, value in ours.items()
    }


def named(recorded: Mapping[str, Any], prefix: str) -> list[str]:
    """The names behind a prefix, in the order in which they were recorded: that of the columns."""
    return [name.removeprefix(prefix) for name in recorded if name.startswith(prefix)]


def as_zero(value: Any) -> np.ndarray:
    """The authors' figure of what is undefined."""
    return np.nan_to_num(np.asarray(value, dtype=np.float64))


def _number(value: Any) -> float:
    return float(np.asarray(value).reshape(()))
