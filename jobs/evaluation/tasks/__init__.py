"""Evaluation tasks: one module each, found by its name (`pathology_detection.py` is `pathology-detection`)."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from jobs.evaluation.task import EvaluationTask


def task_names() -> tuple[str, ...]:
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def chosen(tasks: str) -> tuple[str, ...]:
    """The tasks of "all" or "NAME,NAME"; ValueError names what is unknown and what there is."""
    names = task_names()
    if tasks == "all":
        return names
    asked = tuple(dict.fromkeys(name.strip() for name in tasks.split(",") if name.strip()))
    unknown = [name for name in asked if name not in names]
    if unknown or not asked:
        raise ValueError(f"unknown tasks {unknown}; expected all or some of: {', '.join(names)}")
    return asked


def create(name: str) -> EvaluationTask:
    return import_module(f"{__name__}.{name.replace('-', '_')}").Task()
