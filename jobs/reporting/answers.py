"""Answers on their way from a detector to a generator: those worth a sentence, as JSON and one array of tokens.

Letters: D width.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import torch

from chex.inference.features import Answer
from chex.records import Query, ScoredBox


def pack(answers: Sequence[Sequence[Answer]], queries: Sequence[Query]) -> tuple[str, bytes]:
    """The answers of each image to some of the queries -> JSON, and their tokens (n, D) float32 one after the other."""
    places = {id(query): place for place, query in enumerate(queries)}
    found = [
        [
            [places[id(a.query)], [[*box.box, box.score] for box in a.boxes], a.probabilities, a.abnormal]
            for a in of_image
        ]
        for of_image in answers
    ]
    tokens = [answer.token for of_image in answers for answer in of_image]
    packed = torch.stack(tokens).float().cpu().numpy().tobytes() if tokens else b""
    return json.dumps(found), packed


def unpack(packed: str, tokens: memoryview, queries: Sequence[Query]) -> list[list[Answer]]:
    """What was packed, without the candidates that boxes were chosen from."""
    found = json.loads(packed)
    count = sum(map(len, found))
    rows = iter(torch.from_numpy(np.frombuffer(tokens, np.float32).reshape(count, -1).copy()) if count else ())
    return [[_answer(item, queries, next(rows)) for item in of_image] for of_image in found]


def _answer(item: list, queries: Sequence[Query], token: torch.Tensor) -> Answer:
    place, boxes, probabilities, abnormal = item
    scored = tuple(ScoredBox((x_min, y_min, x_max, y_max), score) for x_min, y_min, x_max, y_max, score in boxes)
    return Answer(queries[place], scored, tuple((name, value) for name, value in probabilities), abnormal, token)
