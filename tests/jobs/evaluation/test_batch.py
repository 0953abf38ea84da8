"""What is asked of a model again, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from chex.inference.session import Session
from chex.records import Query
from jobs.evaluation.batch import Encoded
from tests.jobs.oracle import TEST, Oracle
from tests.prompts_seeing_each_other import with_prompts_seeing_each_other

EFFUSION, EDEMA, LUNG = (Query(text=text) for text in ("pleural effusion", "edema", "right lung"))


@pytest.fixture(scope="module", params=["detector", "post_decoder"])
def session(tiny_model, request) -> Session:
    """A model whose prompts see each other."""
    return Session(with_prompts_seeing_each_other(tiny_model, request.param))


def encoded(session) -> Encoded:
    return Encoded(session, [None], [np.random.default_rng(0).integers(0, 256, (60, 80), dtype=np.uint8)])


@pytest.mark.parametrize("asked", [(EFFUSION, LUNG), (EFFUSION,), (LUNG, LUNG, EFFUSION), ()])
def test_prompts_that_see_each_other_are_answered_as_if_asked_for_the_first_time(asked, session):
    images = encoded(session)
    images.ask([0], [[EFFUSION, EDEMA]], ())
    (found,), (alone,) = images.ask([0], [asked], ()), session.reader.detect(images.features, [asked])
    assert [answer.query for answer in found] == list(asked)
    for one, other in zip(found, alone, strict=True):
        assert np.abs(np.asarray(one.token) - np.asarray(other.token)).max() < 1e-5


def test_the_same_prompts_are_asked_once_also_where_they_see_each_other(session, monkeypatch):
    images = encoded(session)
    first = images.ask([0], [[EFFUSION, EDEMA]], ())
    monkeypatch.setattr(session.reader, "detect", lambda features, queries, labels: [[] for _ in features])
    assert images.ask([0], [[EFFUSION, EDEMA]], ()) == first


def test_only_what_was_not_asked_is_asked_where_they_do_not():
    oracle = Oracle()
    images = Encoded(oracle, TEST[:2])
    images.ask([0, 1], [[EFFUSION, EDEMA], [EDEMA]], ())
    assert oracle.asked == 3
    (first, second) = images.ask([0, 1], [[LUNG, EDEMA, LUNG], [EDEMA, EFFUSION]], ())
    assert oracle.asked == 5
    assert [(answer.number, answer.query) for answer in first] == [(0, LUNG), (0, EDEMA), (0, LUNG)]
    assert [(answer.number, answer.query) for answer in second] == [(1, EDEMA), (1, EFFUSION)]
