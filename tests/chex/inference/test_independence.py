"""Sentences and reports depend on the image and the prompt alone: not on other prompts, their order, or the batch."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch

from chex.inference.report import PromptSet, default_prompts
from chex.inference.session import Session
from chex.records import Query

PROMPTS = default_prompts()
BOXES = (Query(box=(0.1, 0.2, 0.4, 0.6)), Query(text="opacity", box=(0.5, 0.5, 0.9, 0.7)))


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, shape, dtype=np.uint8) for shape in ((200, 150), (90, 150), (128, 128))]


@pytest.fixture(scope="module")
def session(tiny_model) -> Session:
    """Every region is abnormal enough for a sentence, and different regions are told different things."""
    model = copy.deepcopy(tiny_model)
    inference = dataclasses.replace(model.config.inference, abnormal_probability=0.0, normal_probability=0.0)
    model.config = dataclasses.replace(model.config, inference=inference)
    with torch.no_grad():
        for parameter in model.generator.parameters():
            parameter *= 4
    return Session(model)


def test_sentences_of_several_images_and_queries_are_those_of_each_alone(session, images):
    asked = [[*PROMPTS.queries[:5], *BOXES], [*BOXES, PROMPTS.queries[20]], []]
    features = session.encode(images)
    together = session.ask(features, asked)
    assert len({finding.sentence for row in together for finding in row}) > 3
    for feature, row, found in zip(features, asked, together):
        for query, finding in zip(row, found):
            ((alone,),) = session.ask([feature], [[query]])
            assert alone.sentence == finding.sentence
            assert [box.score for box in alone.boxes] == pytest.approx([box.score for box in finding.boxes], abs=1e-5)


def test_sentences_do_not_depend_on_how_many_are_written_at_once(session, images, monkeypatch):
    features = session.encode(images[:1])
    asked = [[*PROMPTS.queries[:5], *BOXES]]
    together = [finding.sentence for finding in session.ask(features, asked)[0]]
    two = 2 * session.reader.model.generator.most_bytes_per_sentence()
    monkeypatch.setattr(session.writer, "cache_bytes", two)
    assert [finding.sentence for finding in session.ask(features, asked)[0]] == together


def test_a_report_is_the_same_whatever_images_are_read_with_it(session, images):
    together = session.report(images)
    for image, report in zip(images, together):
        (alone,) = session.report([image])
        assert alone.text == report.text and alone.provenance == report.provenance
        assert [finding.query for finding in alone.findings] == [finding.query for finding in report.findings]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_report_says_of_each_prompt_what_it_says_of_it_alone(session, images, seed):
    """In the order of the prompts; of sentences that say the same one is left, which is the purpose."""
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(len(PROMPTS.queries))[: 29 - 9 * seed]
    queries = tuple(PROMPTS.queries[i] for i in chosen)
    (report,) = session.report(images[:1], PromptSet("some", queries))
    order = [queries.index(finding.query) for finding in report.findings]
    assert order == sorted(order) and len(order) >= 2
    for finding in report.findings:
        (alone,) = session.report(images[:1], PromptSet("one", (finding.query,)))
        assert alone.findings[0].sentence == finding.sentence
        assert alone.findings[0].boxes[0].score == pytest.approx(finding.boxes[0].score, abs=1e-5)
    accounted = {finding.query.name for finding in report.findings}
    accounted |= {name for finding in report.findings for name in finding.parents}
    assert accounted == {query.name for query in queries}
