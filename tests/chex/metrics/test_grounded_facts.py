"""The six figures of grounded facts, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from chex.metrics.fact_judges import EntailmentJudge
from chex.metrics.grounded_facts import grounded_facts
from chex.metrics.overlap import covered_share
from chex.records import GroundedPhrase

LEFT, RIGHT, LOWER_LEFT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0), (0.0, 0.5, 0.5, 1.0)


def report(*sentences):
    return [GroundedPhrase(text, tuple(boxes)) for text, *boxes in sentences]


def same_words(questions):
    """Entails what is among the premises, word for word."""
    return [hypothesis in premises for premises, hypothesis in questions]


SAME_WORDS = EntailmentJudge(same_words, "same words")

GENERATED = [
    report(("effusion", LOWER_LEFT), ("nodule", RIGHT), ("clear",)),
    report(("edema", RIGHT)),
    report(("clear",)),
]
REFERENCE = [
    report(("effusion", LEFT), ("clear",), ("fracture", LEFT), ("nodule", LEFT)),
    report(("edema", LEFT), ("line",)),
    report(("clear",), ("mass", LEFT)),
]


def test_by_hand():
    found = grounded_facts(GENERATED, REFERENCE, SAME_WORDS)
    assert found.judge == "same words"
    # report 1: effusion and its box, nodule without its box, clear; report 2: edema without its box; report 3: clear
    assert found.generated.tolist() == [[3, 3, 2, 2, 1], [1, 1, 1, 1, 0], [1, 1, 0, 0, 0]]
    # of the effusion's box of the reference only one half is covered: not more than half
    assert found.reference.tolist() == [[4, 3, 3, 2, 0], [2, 1, 1, 1, 0], [2, 1, 1, 0, 0]]
    figures = {name: value[0] for name, value in found.figures().items()}
    assert figures == pytest.approx(
        {
            "logical_precision": 1.0,
            "logical_recall": (3 / 4 + 1 / 2 + 1 / 2) / 3,
            "grounding_precision": (1 / 2 + 0) / 2,
            "grounding_recall": 0.0,
            "spatial_precision": (1 / 2 + 0) / 2,
            "spatial_recall": 0.0,
        }
    )


def test_a_wrong_sentence_costs_spatial_but_not_grounding():
    generated = [report(("effusion", LEFT), ("mass", RIGHT))]
    found = grounded_facts(generated, [report(("effusion", LEFT))], SAME_WORDS).figures()
    assert found["grounding_precision"][0] == 1 and found["spatial_precision"][0] == 0.5
    assert found["logical_precision"][0] == 0.5 and found["spatial_recall"][0] == 1


def test_evidence_boxes_count_together():
    sentence, halves = report(("effusion", (0.0, 0.0, 1.0, 1.0))), report(("effusion", LEFT), ("effusion", RIGHT))
    assert grounded_facts([sentence], [halves], SAME_WORDS).figures()["grounding_precision"][0] == 1
    one = report(("effusion", LEFT), ("clear", RIGHT))  # the other box is no evidence
    assert grounded_facts([sentence], [one], SAME_WORDS).figures()["grounding_precision"][0] == 0
    assert grounded_facts([sentence], [one], SAME_WORDS, least_covered=0.4).figures()["grounding_precision"][0] == 1


def test_weights_repeat_reports():
    times = np.array([2, 0, 3])
    repeated = [[r for r, n in zip(side, times, strict=True) for _ in range(n)] for side in (GENERATED, REFERENCE)]
    weighted = grounded_facts(GENERATED, REFERENCE, SAME_WORDS).figures(np.stack([times, 2 * times]))
    for name, value in grounded_facts(*repeated, SAME_WORDS).figures().items():
        assert weighted[name] == pytest.approx(np.repeat(value, 2)), name


def test_the_rule_based_judge_is_the_default():
    generated = [report(("Small left pleural effusion.", LEFT), ("No pneumothorax.",), ("Edema.",))]
    reference = [report(("There is a left effusion.", LEFT), ("No consolidation or pneumothorax.",))]
    found = grounded_facts(generated, reference)
    assert found.judge == "judge by the rule-based label reader"
    figures = found.figures()
    assert figures["logical_precision"][0] == pytest.approx(2 / 3)
    assert figures["logical_recall"][0] == pytest.approx(1 / 2)  # nothing is said of consolidation
    assert figures["grounding_precision"][0] == figures["spatial_recall"][0] == 1


def test_empty_reports_are_in_no_mean():
    found = grounded_facts([[], report(("clear",))], [report(("clear",)), []], SAME_WORDS).figures()
    assert found["logical_precision"][0] == found["logical_recall"][0] == 0
    assert np.isnan(found["grounding_precision"][0]) and np.isnan(found["spatial_recall"][0])
    assert all(np.isnan(value[0]) for value in grounded_facts([], [], SAME_WORDS).figures().values())


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="one generated report per reference"):
        grounded_facts([[]], [])

    class Silent:
        name = "silent"

        def judge(self, questions):
            return []

    with pytest.raises(ValueError, match="silent gave 0 for 2"):
        grounded_facts([report(("a",))], [report(("a",))], Silent())


def test_covered_share():
    assert covered_share([LEFT], [LOWER_LEFT, RIGHT]) == pytest.approx(0.5)
    assert covered_share([LOWER_LEFT, LEFT], [LEFT, LEFT]) == 1.0
    assert covered_share([(0.1, 0.1, 0.1, 0.3)], [LEFT]) == covered_share([], [LEFT]) == covered_share([LEFT], []) == 0
