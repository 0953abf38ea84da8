"""Progress on a terminal and in a log."""

from __future__ import annotations

import logging

import pytest

from pipelines.conversion import progress as module
from pipelines.conversion.progress import progress


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_plain_line_now_and_then(clock, monkeypatch, caplog, capsys):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: False)
    with progress(100_000) as done:
        for _ in range(100):
            clock[0] += 1
            done(10)
    assert len(caplog.messages) == 10
    assert caplog.messages[0] == "100 of 100000 images, 10 images/s, 2 h 46 min left"
    assert "\r" not in capsys.readouterr().err


def test_a_slow_job_has_a_rate_too(clock, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: False)
    with progress(100) as done:
        clock[0] += 20
        done(8)
        clock[0] += 20
        done(92)
    assert caplog.messages == [
        "8 of 100 images, 0.4 images/s, 4 min left",
        "100 of 100 images, 2.5 images/s, finishing",
    ]


def test_a_terminal_gets_a_bar(monkeypatch, caplog, capsys):
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: True)
    with progress(4) as done:
        done(4)
    assert "4/4" in capsys.readouterr().err and not caplog.messages


def test_it_can_be_silent(clock, caplog, capsys):
    caplog.set_level(logging.INFO)
    with progress(4, shown=False) as done:
        clock[0] += 100
        done(4)
    assert not caplog.messages and not capsys.readouterr().err
