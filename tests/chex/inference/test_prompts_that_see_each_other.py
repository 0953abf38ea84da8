"""Models whose prompts see each other, as released weights need: other images still change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from chex.inference.session import Session
from chex.records import Query
from tests.prompts_seeing_each_other import with_prompts_seeing_each_other

TEXTS = [Query(text=text) for text in ("pleural effusion", "edema", "right lung")]
BOX = Query(box=(0.1, 0.2, 0.4, 0.6))


@pytest.fixture(scope="module", params=["detector", "post_decoder"])
def session(tiny_model, request) -> Session:
    return Session(with_prompts_seeing_each_other(tiny_model, request.param))


def test_an_answer_does_not_depend_on_what_other_images_are_asked(session):
    generator = np.random.default_rng(0)
    features = session.encode([generator.integers(0, 256, (60, 80), dtype=np.uint8) for _ in range(3)])
    asked = [TEXTS, [TEXTS[0], BOX], [BOX, *TEXTS[1:]]]
    together = session.reader.detect(features, asked)
    for feature, row, found in zip(features, asked, together):
        (alone,) = session.reader.detect([feature], [row])
        assert [a.query for a in found] == row
        for one, other in zip(alone, found):
            assert np.abs(np.asarray(one.token) - np.asarray(other.token)).max() < 1e-5


def test_it_does_depend_on_what_else_the_image_is_asked(session):
    features = session.encode([np.random.default_rng(0).integers(0, 256, (60, 80), dtype=np.uint8)])
    (together,), (alone,) = (session.reader.detect(features, [asked]) for asked in (TEXTS, TEXTS[:1]))
    assert np.abs(np.asarray(together[0].token) - np.asarray(alone[0].token)).max() > 1e-4
