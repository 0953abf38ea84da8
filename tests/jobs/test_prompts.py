from __future__ import annotations

import json

import pytest

from chex.records import Query
from jobs.reporting.prompts import read_prompts


def written(folder, content) -> str:
    file = folder / "prompts.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(file)


def test_texts_boxes_and_names(tmp_path):
    queries = ["edema", {"text": "right lung", "name": "lung"}, {"box": [0, 0.1, 0.5, 1]}]
    name, read = read_prompts(written(tmp_path, {"name": "mine", "queries": queries}))
    assert name == "mine"
    assert read == (
        Query(text="edema", name="edema"),
        Query(text="right lung", name="lung"),
        Query(box=(0.0, 0.1, 0.5, 1.0)),
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ([], "at least one query"),
        ({"name": "mine", "queries": []}, "at least one query"),
        ({"queries": ["edema"]}, "needs a name"),
        ({"name": "mine", "queries": ["edema", 5]}, "query 2 .*expected a text"),
        ({"name": "mine", "queries": [{"words": "edema"}]}, "query 1 .*expected a text"),
        ({"name": "mine", "queries": [{"text": 5}]}, "query 1 .*text to be words, found 5"),
        ({"name": "mine", "queries": [{"text": "edema", "name": ["a"]}]}, "query 1 .*name to be words"),
        ({"name": "mine", "queries": [{"name": "nothing asked"}]}, "query 1 .*both are missing"),
        ({"name": "mine", "queries": [{"box": 5}]}, "query 1"),
        ({"name": "mine", "queries": [{"box": [0, 0, 1]}]}, "4 numbers, found 3"),
        ('{"name": "mine", "queries": [{"box": [NaN, 0, 1, 1]}]}', "0 <= min < max <= 1"),
    ],
)
def test_a_wrong_prompt_file_is_told_where(tmp_path, content, words):
    with pytest.raises(ValueError, match=words):
        read_prompts(written(tmp_path, content))
