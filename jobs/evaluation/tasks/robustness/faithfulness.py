"""Is the finding where the box says? Its probability should change more when the box is blurred than another place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chex.augmentation import sample_generator
from chex.inference.features import Answer
from chex.records import Box, Query, Sample
from chex.vocabulary import FindingTerm
from jobs.evaluation.batch import Batch
from jobs.evaluation.figure import Figure
from jobs.evaluation.interactive.cases import Cases
from jobs.evaluation.interactive.instances import instances_of
from jobs.evaluation.robustness.agreement import SAID
from jobs.evaluation.robustness.blur import SIGMA, blurred_box, elsewhere, mirrored
from jobs.evaluation.task import EvaluationTask, Row, SpreadOf

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_SEED = 0
PLACES = {"elsewhere": "at a random place that it does not overlap", "mirrored": "at the same place of the other side"}
_ALIKE = "blurring either alike"


class Task(EvaluationTask):
    gives = tuple(
        f"faithfulness_{what}_{place}{which}"
        for place in PLACES
        for which in ("", "_said")
        for what in ("more", "share")
    )
    needs = "boxes of findings"
    asks_for = frozenset({"boxes", "classes"})

    def learn(self, sample: Sample) -> None:
        """The baseline is the blur elsewhere."""

    def wants(self, sample: Sample) -> bool:
        return bool(_findings(sample))

    def predict(self, batch: Batch) -> list[Row]:
        queries = [
            [Query(text=finding.box_prompt, name=finding.id) for finding in _findings(sample)]
            for sample in batch.samples
        ]
        rows = []
        for sample, image, asked, answers in zip(batch.samples, batch.images, queries, batch.ask(queries), strict=True):
            places = [_places(sample, answer) for answer in answers]
            hidden = [(query, box) for query, some in zip(asked, places, strict=True) for box in some.values()]
            found = iter(_probabilities_without(batch, image, hidden))
            cases = [
                {
                    "finding": query.name,
                    "probability": _probability(answer),
                    "places": list(some),
                    "boxes": [list(box) for box in some.values()],
                    "without": [next(found) for _ in some],
                }
                for query, answer, some in zip(asked, answers, places, strict=True)
            ]
            rows.append({"sample_id": sample.study.sample_id, "cases": cases})
        return rows

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        figures = {}
        for place, where in PLACES.items():
            for which, least in (("", 0.0), ("_said", SAID)):
                cases, more = _more(rows, place, least)
                of = f"findings that are there{f' and have a probability of at least {least}' if least else ''}"
                blur = f"box blurred by a Gaussian of {SIGMA:.0%} of the image's side, against an equal box {where}"
                figures[f"faithfulness_more_{place}{which}"] = cases.mean(
                    more,
                    spread,
                    f"how much more the probability changes without the predicted box than without another one: mean "
                    f"difference of absolute changes, {of}; {blur}; -1 to 1, more is better",
                    {_ALIKE: 0.0},
                )
                figures[f"faithfulness_share_{place}{which}"] = cases.mean(
                    (np.sign(more) + 1) / 2,
                    spread,
                    f"share of {of} whose probability changes more without the predicted box; {blur}; 0 to 1, "
                    f"more is better; {_sign_test(more)}",
                    {_ALIKE: 0.5},
                )
        return figures

    def pictures(self, rows: Sequence[Row], options: Mapping[str, Any] | None = None) -> dict[str, Drawing]:
        from jobs.evaluation.interactive.charts import bars

        changes: dict[str, dict[str, np.ndarray]] = {}
        cases = Cases(rows)
        for which, least in (("all findings that are there", 0.0), ("those said to be there", SAID)):
            changes[which] = {
                label: np.array(
                    [_change(case, place) if case["probability"] >= least else np.nan for case in cases.cases]
                )
                for label, place in (("predicted box", "box"), ("elsewhere", "elsewhere"), ("mirrored", "mirrored"))
            }
        chart = bars(
            changes, cases.sample, title="A blurred box: how much does it change?", axis="|change of the probability|"
        )
        return {"faithfulness": chart}


def _findings(sample: Sample) -> list[FindingTerm]:
    return list({found.finding.id: found.finding for found in instances_of(sample.annotations)}.values())


def _places(sample: Sample, answer: Answer) -> dict[str, Box]:
    """What is blurred, one after the other: the best box, and where there is room an equal one in other places."""
    box = answer.boxes[0].box
    generator = sample_generator(_SEED, 0, f"{sample.study.sample_id}/{answer.query.name}")
    places = {"box": box, "elsewhere": elsewhere(box, generator), "mirrored": mirrored(box)}
    return {name: place for name, place in places.items() if place is not None}


def _probabilities_without(batch: Batch, image: np.ndarray, hidden: Sequence[tuple[Query, Box]]) -> list[float]:
    if not hidden:
        return []
    features = batch.session.encode([blurred_box(image, box) for _, box in hidden])
    found = batch.session.reader.detect(features, [[query] for query, _ in hidden])
    return [_probability(answer) for [answer] in found]


def _probability(answer: Answer) -> float:
    return float(dict(answer.probabilities)[answer.query.name])


def _change(case: Mapping[str, Any], place: str) -> float:
    """NaN where there was no such place."""
    without = dict(zip(case["places"], case["without"], strict=True))
    return abs(without[place] - case["probability"]) if place in without else float("nan")


def _more(rows: Sequence[Row], place: str, least: float) -> tuple[Cases, np.ndarray]:
    cases = Cases(rows, lambda case: place in case["places"] and case["probability"] >= least)
    return cases, np.array([_change(case, "box") - _change(case, place) for case in cases.cases])


def _sign_test(differences: np.ndarray) -> str:
    from scipy.stats import binomtest

    more, told = int((differences > 0).sum()), int((differences != 0).sum())
    if not told:
        return "no sign test: nothing changed"
    return f"sign test, two-sided, of {told} pairs that differ: p = {binomtest(more, told).pvalue:.2g}"
