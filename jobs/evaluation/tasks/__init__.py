"""Evaluation tasks: one module each, found by its name (`pathology_detection.py` is `pathology-detection`).

Groups of tasks have a name, too: "all", "paper" (what table 2 of the paper measures), "without-text" (what a model
answers before it has learned to write). Those in a folder of their own are no part of "all" and are asked for by the
folder's name: "interactive", "robustness".
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

from jobs.evaluation.task import EvaluationTask

_FOLDERS = ("interactive", "robustness")


def task_names(folder: str = "") -> tuple[str, ...]:
    """The tasks in this folder or in one of those below."""
    found = pkgutil.iter_modules([str(Path(path, folder)) for path in __path__])
    return tuple(sorted(module.name.replace("_", "-") for module in found if not module.ispkg))


def paper_tasks() -> tuple[str, ...]:
    """The tasks that give a figure of the paper's table 2."""
    from jobs.evaluation.paper import published_figures

    published = {row.figure for row in published_figures()}
    return tuple(name for name in task_names() if published & set(create(name).gives))


def tasks_without_text() -> tuple[str, ...]:
    return tuple(name for name in task_names() if create(name).asks_for <= {"boxes", "classes"})


GROUPS: dict[str, Callable[[], tuple[str, ...]]] = {
    "all": task_names,
    "paper": paper_tasks,
    "without-text": tasks_without_text,
    **{folder: partial(task_names, folder) for folder in _FOLDERS},
}


def chosen(tasks: str) -> tuple[str, ...]:
    """The tasks of a group's name or "NAME,NAME"; ValueError names what is unknown and what there is."""
    if is_group(tasks):
        return GROUPS[tasks]()
    names = (*task_names(), *(name for folder in _FOLDERS for name in task_names(folder)))
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
    folder = next((f"{folder}." for folder in _FOLDERS if name in task_names(folder)), "")
    return import_module(f"{__name__}.{folder}{name.replace('-', '_')}").Task()
