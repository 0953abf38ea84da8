"""Evaluation tasks: one module each, found by its name (`pathology_detection.py` is `pathology-detection`).

Groups of tasks have a name, too: "all", "paper" (what table 2 of the paper measures).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module

from jobs.evaluation.task import EvaluationTask


def task_names() -> tuple[str, ...]:
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def paper_tasks() -> tuple[str, ...]:
    """The tasks that give a figure of the paper's table 2."""
    from jobs.evaluation.paper import published_figures

    published = {row.figure for row in published_figures()}
    return tuple(name for name in task_names() if published & set(create(name).gives))


GROUPS: dict[str, Callable[[], tuple[str, ...]]] = {"all": task_names, "paper": paper_tasks}


def chosen(tasks: str) -> tuple[str, ...]:
    """The tasks of a group's name or "NAME,NAME"; ValueError names what is unknown and what there is."""
    if is_group(tasks):
        return GROUPS[tasks]()
    names = task_names()
    asked = tuple(dict.fromkeys(name.strip() for name in tasks.split(",") if name.strip()))
    unknown = [name for name in asked if name not in names]
    if unknown or not asked:
        groups = ", ".join(GROUPS)
        raise ValueError(f"unknown tasks {unknown}; expected one of {groups}, or some of: {', '.join(names)}")
    return asked


def is_group(tasks: str) -> bool:
    """Whether this names tasks that are left out, rather than missed, where the data have nothing for them."""
    return tasks in GROUPS


def create(name: str) -> EvaluationTask:
    return import_module(f"{__name__}.{name.replace('-', '_')}").Task()
