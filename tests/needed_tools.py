"""Programs from outside Python that tests compare with: continuous integration must have them, a laptop need not."""

from __future__ import annotations

import os
import shutil

import pytest


def require_tool(name: str, package: str, *, places: str = "") -> str:
    """The path of a program; without it the test fails where CI is set, and is skipped elsewhere.

    Args:
        name: of the program.
        package: of Debian, that brings it; to say what to install.
        places: where it may lie beside the usual path, written as that is.
    """
    path = shutil.which(name) or shutil.which(name, path=places)
    if path is not None:
        return path
    message = f"the program {name} is missing (Debian: apt-get install {package})"
    if os.environ.get("CI"):
        pytest.fail(f"{message}, and continuous integration may not do without")
    pytest.skip(message)
