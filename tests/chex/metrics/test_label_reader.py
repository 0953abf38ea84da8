from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from chex.metrics.clinical import chexpert_labels
from chex.metrics.label_reader import NAME, rule_based_label_reader

PN, EF, AT, OP, CM, SD = (
    "Pneumothorax",
    "Pleural Effusion",
    "Atelectasis",
    "Lung Opacity",
    "Cardiomegaly",
    "Support Devices",
)
TABLE = yaml.safe_load((Path(__file__).parents[2] / "data" / "label_sentences.yaml").read_text(encoding="utf-8"))
BLIND = [tuple(row) for rows in TABLE["blind"].values() for row in rows]
SENTENCES = [*map(tuple, TABLE["known"]), *BLIND]
MISREAD = dict(map(tuple, TABLE["misread"]))  # kept with what the reader says, so that the table cannot flatter it


@pytest.mark.parametrize(("sentence", "expected"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_sentence(sentence, expected):
    read = rule_based_label_reader().read_sentence(sentence)
    assert read == MISREAD.get(sentence, expected)
    assert (read == expected) != (sentence in MISREAD)


def test_the_sentences_are_many_and_cover_every_label():
    assert len({sentence for sentence, _ in SENTENCES}) == len(SENTENCES) == len(TABLE["known"]) + len(BLIND)
    assert len(BLIND) >= 150
    stated = {(label, value) for _, labels in SENTENCES for label, value in labels.items()}
    findings = set(chexpert_labels()) - {"No Finding"}
    assert {label for label, _ in stated} == findings
    assert {label for label, value in stated if value == 1} == findings


def test_present_is_stronger_than_uncertain_and_uncertain_than_absent():
    read = rule_based_label_reader().read_report
    assert read(["No effusion.", "Possible effusion."])[EF] == -1
    assert read(["Possible effusion.", "Small effusion.", "No effusion."])[EF] == 1


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [
        *map(tuple, TABLE["reports"]),
        (["The lungs are clear.", "No pneumothorax."], {OP: 0, PN: 0, "No Finding": 1}),
        (["The endotracheal tube is unchanged.", "No pneumothorax."], {SD: 1, PN: 0, "No Finding": 1}),
        (["Mild cardiomegaly."], {CM: 1}),
        (["Possible atelectasis."], {AT: -1}),
        (["No acute cardiopulmonary process."], {"No Finding": 1}),
        (["Normal chest radiograph."], {"No Finding": 1}),
        (["No evidence of acute cardiopulmonary disease."], {"No Finding": 1}),
        (["No acute intrathoracic abnormality.", "Possible atelectasis."], {AT: -1}),
        (["Scoliosis is noted."], {}),
        (["the the of mediastin right"], {}),
        ([], {}),
        (["", "   "], {}),
    ],
)
def test_no_finding(sentences, expected):
    assert rule_based_label_reader().read_report(sentences) == expected


def test_case_and_white_space_do_not_matter():
    read = rule_based_label_reader().read_sentence
    assert read("  SMALL\n left   PLEURAL Effusion ") == read("small left pleural effusion") == {EF: 1}


def test_what_was_read_can_be_changed_by_the_caller():
    reader = rule_based_label_reader()
    reader.read_sentence("Small effusion.")[EF] = 0
    assert reader.read_sentence("Small effusion.") == {EF: 1}


def test_one_string_is_refused():
    with pytest.raises(TypeError, match="list of sentences"):
        rule_based_label_reader().read_report("No effusion.")


def test_two_thousand_different_sentences_a_second():
    reader = rule_based_label_reader()
    sentences = [f"{sentence} Image {index}." for index in range(8) for sentence, _ in SENTENCES]
    started = time.process_time()
    for sentence in sentences:
        reader.read_sentence(sentence)
    assert len(sentences) / (time.process_time() - started) > 2000


def test_it_says_what_it_is():
    assert NAME == "rule-based label reader"
