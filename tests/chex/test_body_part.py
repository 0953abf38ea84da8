"""Which body parts get a report."""

from __future__ import annotations

import pytest

from chex.body_part import off_topic


@pytest.mark.parametrize(
    "name", [None, "", "  ", "CHEST", "chest pa", "CHESTABDOMEN", "THORAX", "Thorax a.p.", "TORAX", "LUNG"]
)
def test_chests_and_silence_pass(name):
    assert off_topic(name) is None


@pytest.mark.parametrize(
    "name",
    ["TORACE", "Tórax", "to\u0301rax", "TÓRAX PA", "CXR", "PULMON", "PULMÓN", "PULMÃO", "POUMON", "BRUSTKORB", "PECHO"],
)
def test_chests_in_other_words_pass(name):
    assert off_topic(name) is None


@pytest.mark.parametrize(
    "name", ["THORACIC SPINE", "BRUSTWIRBELSÄULE", "COLONNA TORACICA", "RACHIS THORACIQUE", "BRUSTBEIN"]
)
def test_bones_that_are_named_after_the_chest_are_none(name):
    assert off_topic(name) == f"BodyPartExamined is {name}, not CHEST"


@pytest.mark.parametrize("name", ["EXTREMITY", "SKULL", "ABDOMEN", "KNEE"])
def test_everything_else_is_named(name):
    assert off_topic(name.lower()) == f"BodyPartExamined is {name}, not CHEST"
