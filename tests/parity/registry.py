"""Which check answers for which case: a module under `tests/parity/FILE/` registers functions by case name."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from tests.parity.cases import Case
from tests.parity.comparison import Compared, NotCompared

Found = Mapping[str, "tuple[Any, Any] | Compared | NotCompared"]
Check = Callable[[Case], Found]
_CHECKS: dict[str, dict[str, Check]] = {}


def check(*patterns: str) -> Callable[[Check], Check]:
    """Registers a function for the cases whose name fits a pattern ("match_*"), of the file its package is named after.

    The function returns quantity → (ours, recorded), `Compared` or `NotCompared`, for every quantity of
    `Case.recorded()`; more are welcome.
    """

    def register(function: Check) -> Check:
        file = function.__module__.split(".")[2]
        known = _CHECKS.setdefault(file, {})
        for pattern in patterns:
            if known.setdefault(pattern, function) is not function:
                raise ValueError(f"two checks for {file} cases named {pattern!r}")
        return function

    return register


def load_checks(file: str) -> dict[str, Check]:
    """Imports every module of the file's package; no package, no checks."""
    package = f"{__package__}.{file}"
    if importlib.util.find_spec(package) is None:
        return {}
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not module.name.startswith("test_"):
            importlib.import_module(f"{package}.{module.name}")
    return _CHECKS.get(file, {})


def check_for(name: str, checks: Mapping[str, Check]) -> Check | None:
    """The check whose pattern fits; of several, the one that spells out most of the name."""
    fitting = [pattern for pattern in checks if fnmatchcase(name, pattern)]
    return checks[max(fitting, key=lambda pattern: len(pattern.replace("*", "")))] if fitting else None
