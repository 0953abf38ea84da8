"""Which sentences speak for their boxes."""

from __future__ import annotations

import pytest

from chex.exports.statements import states_presence
from chex.records import Finding, Query
from pipelines.phantoms.image import render
from pipelines.phantoms.reports import write_report


def says(sentence, *probabilities):
    return states_presence(Finding(Query(text="x", name="x"), (), sentence, probabilities))


@pytest.mark.parametrize(
    "sentence",
    [
        "There is a large right pneumothorax.",
        "The heart is moderately enlarged, and there is pulmonary edema.",
        "A central venous catheter is noted.",
        "Moderate pulmonary edema due to fluid overload.",
        "Small left pleural effusion; no pneumothorax.",
        "No pneumothorax. Small left effusion.",
        "The heart is enlarged and the lungs are clear.",
        "The lungs are clear, but there is a small effusion.",
        "Left basilar opacity without pneumothorax.",
        "No significant interval change in the large right effusion.",
        "The effusion is not significantly changed.",
        "Pneumothorax cannot be excluded.",
        "Possible early pneumonia.",
        "Normal heart size. Right apical nodule.",
        "The right lung shows a mass",
        "Heart size is no longer normal.",
        "No longer clear lungs.",
        "The trachea is not midline.",
        "The effusion has not resolved.",
        "The effusion has partially resolved.",
        "There has been no resolution of the effusion.",
        "There has been partial resolution of the effusion.",
        "High-resolution images show a nodule.",
        "The opacity is unlikely to represent pneumonia.",
        "Clear increase in the effusion.",
        "Small effusion, lungs otherwise clear.",
        "Cardiomegaly and clear lungs.",
        "Left lung opacity without pneumothorax.",
        "Heart size stable.",
        "The contours are stable and enlarged.",
        "The right effusion is unchanged without new pneumothorax.",
        "The effusion has largely resolved.",
        "The left effusion has not increased.",
        "Lungs clear except for a nodule.",
        "Unchanged.",
    ],
)
def test_what_is_stated(sentence):
    assert says(sentence)
    assert says(sentence.upper(), ("x", 0.1)), "a sentence that stands in the report counts"


@pytest.mark.parametrize(
    "sentence",
    [
        "No pleural effusion.",
        "No acute cardiopulmonary abnormality.",
        "There is no evidence of pleural effusion.",
        "There are no pleural effusions and no pneumothorax.",
        "There has been no pneumothorax.",
        "The heart is not enlarged.",
        "The lungs are clear.",
        "The lungs are well expanded and are clear.",
        "The cardiomediastinal silhouette is within normal limits.",
        "The heart and the mediastinum are grossly unremarkable.",
        "Heart size remains normal.",
        "Normal chest radiograph.",
        "Without focal consolidation.",
        "Effusion is absent.",
        "The effusion has resolved.",
        "No pneumonia. No effusion.",
        "The pleural surfaces are normal.  ",
        "no tube or line",
        "Effusions are no longer present.",
        "The pneumothorax is no longer seen.",
        "No longer seen.",
        "There has been interval resolution of the effusion.",
        "Interval resolution of the right pneumothorax.",
        "The effusion has completely resolved.",
        "The effusion has since resolved.",
        "Pleural effusion is unlikely.",
        "A pneumothorax is very unlikely.",
        "Lungs clear.",
        "Clear lungs.",
        "Lungs grossly clear bilaterally.",
        "Lungs clear without focal consolidation.",
        "Heart size normal.",
        "Heart and mediastinum within normal limits.",
        "Clear lungs and normal heart size.",
        "Heart size normal, lungs clear.",
        "Lungs clear and no effusion.",
        "The mediastinal contours are stable and unremarkable.",
        "The heart is of normal size.",
    ],
)
def test_what_is_denied_or_normal(sentence):
    assert not says(sentence)
    assert not says(sentence, ("x", 0.9)), "a picture must not contradict its own words"


def test_without_words_the_probability_decides():
    assert says(None, ("x", 0.6)) and not says(None, ("x", 0.4)) and not says("  ", ("x", 0.5))
    assert says(None), "nothing is known against it"


def test_the_rule_agrees_with_the_phantoms_grammar():
    sentences = {
        sentence.text: bool(sentence.findings)
        for seed in range(30)
        for sentence in write_report(render(seed, size=64), seed).sentences
    }
    wrong = [text for text, stated in sentences.items() if says(text) != stated]
    assert len(sentences) > 100 and not wrong
