"""Metrics of the recorded sets with something wrong: every check must see it."""

from __future__ import annotations

import copy
import dataclasses

import pytest

from chex.metrics.meteor import MeteorMissing
from tests.parity.cases import Case, read_cases
from tests.parity.registry import load_checks
from tests.parity.run import run_case
from tests.parity.test_recorded_sets import sets_of

WRONG = [  # case, part, figure
    ("detection", "result", "boxstat/area_mean"),
    ("detection", "perfect_predictions", "AP/mAP"),
    ("sentence_detection", "result", "bIoU"),
    ("box_iou_metric", "result", "IoU/sample_micro"),
    ("multilabel", "result", "label_rank_avg_prec"),
    ("multiclass", "result", "acc"),
    ("multiclass_unnormalised", "result", "mcc"),
    ("region_multilabel", "result", "loc_f1/macro"),
    ("bootstrap", "region_multilabel", "nonloc_auroc/std"),
    ("nlg", "result", "BLEU-4"),
    ("nlg", "macro_result", "Rouge-L_mac"),
    ("ce", "result", "ex_prec_14"),
]


@pytest.fixture(scope="module")
def cases(shared) -> dict[str, Case]:
    return {case.name: case for case in read_cases(sets_of(shared)[0], "metrics")}


@pytest.fixture(autouse=True)
def without_meteor(monkeypatch):
    def missing(texts, references):
        raise MeteorMissing("not asked here")

    monkeypatch.setattr("tests.parity.metrics.texts.meteor_counts", missing)


def failures(case: Case, extra: dict) -> list[str]:
    rows = run_case(dataclasses.replace(case, extra=extra), load_checks("metrics"))
    return [f"{row.quantity} {row.note}" for row in rows if not row.ok]


@pytest.mark.parametrize(("name", "part", "figure"), WRONG)
def test_a_figure_that_is_off_is_seen(cases, name, part, figure):
    extra = copy.deepcopy(cases[name].extra)
    extra[part][figure] += 1e-3
    assert [text.strip() for text in failures(cases[name], extra)] == [f"{part}.{figure}"]


@pytest.mark.parametrize("name", ["multilabel", "nlg", "ce"])
def test_an_unknown_figure_or_part_is_seen(cases, name):
    figure, part = (copy.deepcopy(cases[name].extra) for _ in range(2))
    figure["result"]["mystery"] = 1.0
    assert any("mystery" in text for text in failures(cases[name], figure))
    part["mystery"] = {"auroc": 1.0}
    assert failures(cases[name], part) == ["extra.mystery recorded, but the check did not compare it"]


def test_other_thresholds_of_precision_than_announced_are_seen(cases):
    extra = copy.deepcopy(cases["detection"].extra)
    extra["ap_iou_thresholds"] = [*extra["ap_iou_thresholds"], 0.9]
    assert "AP at" in failures(cases["detection"], extra)[0]
