"""What the deployments hand to each other."""

from __future__ import annotations

import pickle
import subprocess
import sys

import torch

from chex.inference.features import Answer
from chex.records import Query, ScoredBox
from serve.questions import Looked

BOXES = (ScoredBox((0.1, 0.2, 0.3, 0.4), 0.5),)


def answer() -> Answer:
    token = torch.arange(12.0).reshape(3, 4)[1]  # a view of more
    return Answer(Query(text="edema"), BOXES, (("edema", 0.7),), 0.2, token, candidates=BOXES * 3)


def test_answers_arrive_as_they_were_but_for_their_candidates():
    (arrived,) = pickle.loads(pickle.dumps(Looked.of([answer()], "abc"))).answers
    assert torch.equal(arrived.token, torch.tensor([4.0, 5.0, 6.0, 7.0]))
    assert (arrived.query, arrived.boxes, arrived.probabilities, arrived.abnormal) == (
        Query(text="edema"), BOXES, (("edema", 0.7),), 0.2,
    )  # fmt: skip
    assert arrived.candidates == ()


def test_whoever_passes_them_on_does_not_load_torch():
    looked = pickle.dumps(Looked.of([answer()], "abc"))
    passing_on = (
        "import pickle, sys; pickle.dumps(pickle.loads(sys.stdin.buffer.read())); print('torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", passing_on], input=looked, capture_output=True, check=True).stdout
    assert told.strip() == b"False"
