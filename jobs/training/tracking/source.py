"""Which code a run is of: the commit, and whether files were changed since."""

from __future__ import annotations

import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


def source_tags(project: Path = PROJECT) -> dict[str, str]:
    """MLflow's tag of the commit, and "git.changed"; nothing where the project's code belongs to no repository."""
    if _git(project, "ls-files", "--error-unmatch", "jobs/train.py") is None:  # installed, or below another repository
        return {}
    commit = _git(project, "rev-parse", "HEAD")
    changed = _git(project, "status", "--porcelain", "--untracked-files=no")
    if commit is None or changed is None:
        return {}
    return {"mlflow.source.git.commit": commit, "git.changed": str(bool(changed)).lower()}


def _git(project: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(project), *arguments], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
