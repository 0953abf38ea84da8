"""The adapter to radeval, on a stand-in with the signature of radeval 2.2."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from types import ModuleType

import numpy as np
import pytest

from chex.metrics.report_metrics import (
    INSTALL,
    METRICS,
    ReportMetricUnavailable,
    mean_report_metric,
    report_metric,
)

KEYS = {  # what radeval 2.2 answers with `per_sample=True`
    "radgraph": ["radgraph_simple", "radgraph_partial", "radgraph_complete"],
    "radcliq": ["radcliq_v1"],
    "ratescore": ["ratescore"],
    "green": ["green"],
}


class RadEval:
    """Scores the share of the reference's letters that are said, one more for every key."""

    def __init__(
        self,
        metrics=None,
        openai_api_key=None,
        gemini_api_key=None,
        per_sample=False,
        detailed=False,
        show_progress=True,
        cache_dir=None,
    ):
        assert per_sample and not show_progress
        warnings.filterwarnings("ignore")
        self.metrics = metrics

    def __call__(self, refs, hyps):
        assert isinstance(refs, list) and isinstance(hyps, list)
        shares = [len(set(said) & set(true)) / len(set(true)) for said, true in zip(hyps, refs, strict=True)]
        return {key: [place + s for s in shares] for name in self.metrics for place, key in enumerate(KEYS[name])}


@pytest.fixture
def stand_in(monkeypatch):
    module = ModuleType("radeval")
    module.RadEval = RadEval
    monkeypatch.setitem(sys.modules, "radeval", module)
    return module


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_asked_by_its_name(stand_in, name):
    expected = [1.5, 2.0] if name == "radgraph_f1" else [0.5, 1.0]
    before = list(warnings.filters)
    assert report_metric(name, ["ax", "ab"], ["ab", "ba"]).tolist() == expected
    assert warnings.filters == before
    assert "better" in METRICS[name].definition


def test_means_leave_out_what_has_no_score():
    values = np.array([1.0, np.nan, 4.0])
    assert mean_report_metric(values, np.array([[1, 1, 1], [2, 5, 1]])).tolist() == [2.5, 2.0]
    assert np.isnan(mean_report_metric([np.nan])[0])


def test_without_reports_nothing_is_loaded(monkeypatch):
    monkeypatch.setitem(sys.modules, "radeval", None)
    assert report_metric("green", [], []).shape == (0,)


def test_without_radeval_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "radeval", None)
    with pytest.raises(ReportMetricUnavailable, match="radgraph_f1 needs radeval") as raised:
        report_metric("radgraph_f1", ["a"], ["b"])
    assert INSTALL in str(raised.value)


@pytest.mark.parametrize("problem", [OSError("offline"), ImportError("no stanza")])
def test_weights_that_cannot_be_loaded(stand_in, monkeypatch, problem):
    def fail(self, **_):
        raise problem

    monkeypatch.setattr(RadEval, "__init__", fail)
    with pytest.raises(ReportMetricUnavailable, match=f"cannot load green.*Hub.*{problem}"):
        report_metric("green", ["a"], ["b"])


def test_an_answer_of_another_version_is_refused(stand_in, monkeypatch):
    monkeypatch.setattr(RadEval, "__call__", lambda self, refs, hyps: {"green_score": [1.0]})
    with pytest.raises(ReportMetricUnavailable, match=r"no 'green'; it gives \['green_score'\]"):
        report_metric("green", ["a"], ["b"])
    monkeypatch.setattr(RadEval, "__call__", lambda self, refs, hyps: {"green": 0.3})
    with pytest.raises(ReportMetricUnavailable, match="should give 1 scores"):
        report_metric("green", ["a"], ["b"])


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="one of radgraph_f1, radcliq, ratescore, green"):
        report_metric("bertscore", ["a"], ["b"])
    with pytest.raises(ValueError, match="one reference per text"):
        report_metric("green", ["a"], [])


@pytest.mark.skipif(importlib.util.find_spec("radeval") is None, reason="radeval is not installed")
def test_radeval_itself_knows_the_names():
    from radeval.metrics._registry import METRIC_REGISTRY

    assert {metric.package_name for metric in METRICS.values()} <= set(METRIC_REGISTRY)
