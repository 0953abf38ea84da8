"""Answers between the two halves of the model: what comes out writes the same report as what went in."""

from __future__ import annotations

import numpy as np
import torch

from chex.inference.detection import PromptReader
from chex.inference.generation import SentenceWriter
from chex.inference.report import ReportWriter
from chex.records import Query
from jobs.reporting.answers import pack, unpack

QUERIES = [
    Query(text="pleural effusion", name="pleural_effusion"),
    Query(text="nodule"),
    Query(box=(0.1, 0.2, 0.5, 0.6), name="here"),
]


def test_what_is_unpacked_says_the_same(tiny_model):
    images = [np.random.default_rng(seed).integers(0, 255, (90, 70), dtype=np.uint8) for seed in range(3)]
    reader = PromptReader(tiny_model)
    answers = reader.detect(reader.encode(images), [QUERIES] * 3)
    answers[1] = []  # an image of which nothing is worth a sentence
    packed, tokens = pack(answers, QUERIES)
    back = unpack(packed, memoryview(tokens), QUERIES)
    for found, expected in zip(back, answers, strict=True):
        for one, other in zip(found, expected, strict=True):
            assert (one.query, one.boxes, one.probabilities, one.abnormal) == (
                other.query, other.boxes, other.probabilities, other.abnormal,
            )  # fmt: skip
            assert torch.equal(one.token, other.token)
    writer, reports = SentenceWriter(tiny_model), ReportWriter(tiny_model)
    for found in (answers, back):
        sentences = writer.describe(found)
        composed = [reports.compose(*pair) for pair in zip(found, sentences, strict=True)]
        if found is answers:
            before = composed
    assert composed == before


def test_nothing_at_all():
    assert pack([], QUERIES) == ("[]", b"")
    assert unpack("[[], []]", memoryview(b""), QUERIES) == [[], []]


def test_half_precision_arrives_as_single(tiny_model):
    reader = PromptReader(tiny_model)
    with torch.autocast("cpu", torch.bfloat16):
        (answers,) = reader.detect(reader.encode([np.full((80, 80), 90, np.uint8)]), [QUERIES])
    (back,) = unpack(*pack([answers], QUERIES)[:1], memoryview(pack([answers], QUERIES)[1]), QUERIES)
    assert {answer.token.dtype for answer in back} == {torch.float32}
    assert all(torch.equal(one.token, other.token.float()) for one, other in zip(back, answers, strict=True))
