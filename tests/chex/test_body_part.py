"""Which body parts get a report."""

from __future__ import annotations

import pytest

from chex.body_part import off_topic


@pytest.mark.parametrize(
    "name", [None, "", "  ", "CHEST", "chest pa", "CHESTABDOMEN", "THORAX", "Thorax a.p.", "TORAX", "LUNG"]
)
def test_chests_and_silence_pass(name):
    assert off_topic(name) is None


@pytest.mark.parametrize("name", ["EXTREMITY", "SKULL", "ABDOMEN", "KNEE"])
def test_everything_else_is_named(name):
    assert off_topic(name.lower()) == f"BodyPartExamined is {name}, not CHEST"
