"""A missing tool must not pass unnoticed where it matters."""

from __future__ import annotations

import pytest

from tests.needed_tools import require_tool


def test_a_tool_that_is_there(monkeypatch):
    monkeypatch.setenv("CI", "1")
    assert require_tool("sh", "dash").endswith("/sh")


def test_a_missing_tool_is_skipped_here_and_fails_there(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program is missing .*apt-get install some-package"):
        require_tool("no-such-program", "some-package")
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-program is missing"):
        require_tool("no-such-program", "some-package")
