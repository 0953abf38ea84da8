"""Several ways to ask about one thing, answered together: each answer becomes plain values of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chex.inference.features import Answer
from chex.records import Query
from jobs.evaluation.batch import Batch

Ways = Mapping[str, Query]  # how it is asked, by name
_NOWHERE = (0.0, 0.0, 0.0, 0.0)


def ask_ways(batch: Batch, cases: Sequence[Sequence[Ways]]) -> list[list[dict[str, Answer]]]:
    """cases: of each sample of the batch, its cases with the ways to ask about them; answers in the same order."""
    queries = [[query for ways in some for query in ways.values()] for some in cases]
    answered = []
    for some, found in zip(cases, map(iter, batch.ask(queries)), strict=True):
        answered.append([{way: next(found) for way in ways} for ways in some])
    return answered


def answer_row(way: str, answer: Answer, finding: str) -> dict[str, Any]:
    """way, text, best box and its score, the second best one (empty if there is none), the finding's probability."""
    best, second = (answer.boxes[place] if len(answer.boxes) > place else None for place in (0, 1))
    return {
        "way": way,
        "text": answer.query.text or "",
        "box": list(best.box if best else _NOWHERE),
        "score": float(best.score) if best else 0.0,
        "second_box": list(second.box) if second else [],
        "probability": float(dict(answer.probabilities)[finding]),
    }
