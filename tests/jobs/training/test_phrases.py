from __future__ import annotations

import pytest

from chex import vocabulary
from chex.queries.hinted import Phrase
from chex.records import Annotations
from jobs.training.stages.phrases import stated_phrases


@pytest.mark.parametrize(
    ("sentence", "finding", "side"),
    [
        ("Small right pleural effusion.", "pleural_effusion", "right"),
        ("A left-sided pneumothorax may be present.", "pneumothorax", "left"),
        ("Bilateral pleural effusions.", "pleural_effusion", None),
        ("Effusions, right greater than left.", "pleural_effusion", None),
        ("The heart is enlarged.", "cardiomegaly", None),
        ("The left heart border is enlarged, cardiomegaly.", "cardiomegaly", None),  # the heart is on no side
        ("Left basilar opacity is atelectasis.", "atelectasis", "left"),
        ("Opacity in the left lung.", "lung_opacity", "left"),
    ],
)
def test_what_a_sentence_states(sentence, finding, side):
    assert stated_phrases([Annotations(sentences=(sentence,))], vocabulary.load()) == [Phrase(sentence, finding, side)]


@pytest.mark.parametrize(
    "sentence",
    [
        "No pleural effusion.",
        "Right pleural effusion and consolidation.",  # about two
        "Comparison is made with the prior study.",
        "",
    ],
)
def test_what_states_no_single_finding_is_no_phrase(sentence):
    assert stated_phrases([Annotations(sentences=(sentence,))], vocabulary.load()) == []


def test_the_phrases_of_a_batch_are_those_of_all_its_reports():
    reports = [
        Annotations(sentences=("Severe edema.", "No effusion.")),
        Annotations(),
        Annotations(sentences=("Mild edema.",)),
    ]
    assert [phrase.text for phrase in stated_phrases(reports, vocabulary.load())] == ["Severe edema.", "Mild edema."]
