from __future__ import annotations

import numpy as np

from chex.metrics.label_reader import rule_based_label_reader
from jobs.evaluation.interactive.cases import Cases
from jobs.evaluation.interactive.said import Said, chexpert_label

SENTENCES = (
    "There is a small pleural effusion.",
    "No pleural effusion.",
    "No pleural effusion, but there is a pneumothorax.",
    "",
)
ROWS = [
    {
        "cases": [
            {
                "finding": "pleural_effusion",
                "phrase": "there is a small pleural effusion.",
                "answers": [{"way": "text", "sentence": sentence}],
            }
        ]
    }
    for sentence in SENTENCES
]


def test_only_what_is_said_to_be_there_is_stated():
    said = Said(Cases(ROWS), rule_based_label_reader())
    np.testing.assert_array_equal(said.stated("text"), [1, 0, 0, 0])
    np.testing.assert_array_equal(said.stated("text", 1), [0, 0, 0, 1])


def test_other_findings_count_whether_they_are_there_or_not():
    rows = [{"cases": [{**row["cases"][0], "finding": "pneumothorax"}]} for row in ROWS]
    np.testing.assert_array_equal(Said(Cases(ROWS), rule_based_label_reader()).others("text"), [0, 0, 1, 0])
    np.testing.assert_array_equal(Said(Cases(rows), rule_based_label_reader()).others("text"), [1, 1, 1, 0])


def test_the_same_words_in_another_case_are_the_same():
    rouge = Said(Cases(ROWS), rule_based_label_reader()).rouge("text")
    assert rouge[0] == 1.0 and rouge[3] == 0.0 and 0 < rouge[1] < 1


def test_findings_that_readers_know():
    assert chexpert_label("edema") == "Edema"
    assert chexpert_label("scoliosis") is None
