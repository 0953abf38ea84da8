from __future__ import annotations

import numpy as np
import pytest

from jobs.evaluation.robustness.agreement import Answers, Change, agreement_figures
from jobs.evaluation.task import SpreadOf

HERE, HALF, THERE = (0.0, 0.0, 0.4, 0.4), (0.0, 0.0, 0.4, 0.2), (0.6, 0.6, 0.9, 0.9)


def answers(*pairs):
    return Answers(np.array([box for box, _ in pairs]), np.array([probability for _, probability in pairs]))


def test_boxes_count_where_the_finding_is_said_to_be_there():
    change = Change(
        expected=answers((HERE, 0.9), (HERE, 0.6), (HERE, 0.2)),
        answered=answers((HERE, 0.8), (HALF, 0.4), (THERE, 0.3)),
        of_others=answers((THERE, 0.9), (HERE, 0.6), (HERE, 0.7)),
        sample=np.array([0, 1, 1]),
    )
    figures = agreement_figures("some", {"a": change, "b": change}, 2, SpreadOf(50), "changed")
    assert figures["some_iou"].value == pytest.approx((1 + 0.5) / 2)
    assert figures["some_change"].value == pytest.approx((0.1 + 0.2 + 0.1) / 3)
    assert figures["some_flips"].value == pytest.approx(1 / 3)
    assert figures["some_flips"].classes == {"a": pytest.approx(1 / 3), "b": pytest.approx(1 / 3)}
    assert [figures[f"some_{what}"].baselines["the answer about another image"] for what in ("iou", "change", "flips")] == [
        pytest.approx(0.5), pytest.approx(0.5 / 3), pytest.approx(1 / 3),
    ]  # fmt: skip
    # draws are of images: of both, of one, or of the other
    assert figures["some_iou"].spread.low == pytest.approx(0.5) and figures["some_iou"].spread.high == pytest.approx(
        1.0
    )


def test_where_nothing_is_said_boxes_have_no_figure():
    change = Change(*[answers((HERE, 0.2), (HERE, 0.1))] * 3, np.array([0, 1]))
    figures = agreement_figures("some", {"a": change}, 2, SpreadOf(10), "changed")
    assert np.isnan(figures["some_iou"].value) and figures["some_iou"].spread is None
    assert figures["some_change"].value == 0.0
