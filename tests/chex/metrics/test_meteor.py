"""METEOR's counts come from its own program; what is made of them is computed by hand here, and compared with its scores."""

from __future__ import annotations

import json

import numpy as np
import pytest

from chex.metrics import meteor as module
from chex.metrics.meteor import MeteorMissing, meteor, meteor_counts
from chex.metrics.text import words
from tests.needed_tools import require_tool

SAID = ["lungs clear", "The heart is enlarged.", "clear", "", "no effusion or consolidation ||| here"]
TRUE = ["clear lungs", "The heart is enlarged.", "effusion", "clear", "consolidation or\neffusion here no"]


@pytest.fixture(scope="module")
def recorded(shared) -> list[dict]:
    files = sorted((shared / "parity").glob("*/metrics.json"))
    return [json.loads(file.read_text())["nlg"] for file in files]


@pytest.fixture(scope="module")
def counts(recorded) -> list[np.ndarray]:
    """Of the pairs above and of every recorded set: the program takes seconds to start, so it is asked once."""
    require_tool("java", "default-jre-headless")
    sets = [(SAID, TRUE)]
    for found in recorded:
        pairs = [(said, true) for said, true in zip(found["hyp"], found["ref"], strict=True) if true]
        sets.append(tuple([" ".join(words(pair[side], "published")) for pair in pairs] for side in (0, 1)))
    rows = meteor_counts([text for said, _ in sets for text in said], [text for _, true in sets for text in true])
    return np.split(rows, np.cumsum([len(said) for said, _ in sets])[:-1])


def test_by_hand(counts):
    """Two content words in two pieces; all words in one piece; nothing; nothing said."""
    found = [meteor(row)[0] for row in counts[0]]
    assert found[:4] == pytest.approx([1 - 0.6 * (2 / 2) ** 0.2, 1.0, 0.0, 0.0])
    assert 0 < found[4] < 1


def test_it_is_the_recorded_one(counts, recorded):
    assert [meteor(rows)[0] for rows in counts[1:]] == pytest.approx(
        [found["METEOR"] for found in map(_result, recorded)]
    )


def test_weights_repeat_pairs(counts):
    times = np.array([2, 1, 3, 0, 1])
    assert meteor(counts[0], times)[0] == pytest.approx(meteor(np.repeat(counts[0], times, axis=0))[0])


def test_stems_and_function_words_count_less():
    """One stem that matches among one content and one function word, on both sides."""
    row = np.zeros(23)
    row[:4] = 2, 2, 1, 1
    row[8:10] = 1, 1  # of the matcher of stems, content words of both sides
    row[20:] = 1, 1, 1
    share = 0.6 * 0.75 / (0.75 + 0.25)
    assert meteor(row)[0] == pytest.approx(share * (1 - 0.6))


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    with pytest.raises(MeteorMissing, match="install a Java runtime"):
        meteor_counts(["a"], ["b"])
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MeteorMissing, match=r"chex-ray\[meteor\]"):
        meteor_counts(["a"], ["b"])


def test_no_texts_need_no_program():
    assert meteor_counts([], []).shape == (0, 23)
    with pytest.raises(ValueError, match="one reference per text"):
        meteor_counts(["a"], [])


def _result(found: dict) -> dict:
    return found["result"]
