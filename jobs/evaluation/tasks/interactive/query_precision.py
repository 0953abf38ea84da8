"""From "opacity" to "consolidation in the right lower lung zone": what do more precise queries find? (Paper, figure 6a.)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chex import vocabulary
from chex.records import Query, Sample
from chex.vocabulary.located import located, wider
from jobs.evaluation.families.prompted_findings import Prompted, PromptedFindings
from jobs.evaluation.figure import Figure
from jobs.evaluation.interactive.cases import Cases, giou
from jobs.evaluation.interactive.instances import Instance, instances_of
from jobs.evaluation.task import Row, SpreadOf

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

WAYS = {
    "wider": "a wider term (lung opacity)",
    "synonym": "a synonym (mean over all)",
    "name": "the finding's name",
    "lung": "name and lung",
    "zone": "name and zone of the lung",
}
_NAME, _MEAN_BOX = "by the finding's name", "mean training box of the finding on its side"
_CASES = "with a true box of the finding that lies on a side"


class Task(PromptedFindings):
    gives = tuple(f"query_precision_{what}_{way}" for way in WAYS for what in ("giou", "probability"))
    needs = "a finding with a box on a side"

    def cases_of(self, sample: Sample) -> list[Prompted]:
        return [self._case(sample, target) for target in instances_of(sample.annotations) if target.side]

    def _case(self, sample: Sample, target: Instance) -> Prompted:
        finding, side = target.finding, target.side
        general = wider(finding, vocabulary.load())
        texts = {"wider": general.box_prompt} if general else {}
        # a finding's synonyms may hold its own prompt once more
        synonyms = [text for text in finding.synonyms if text != finding.box_prompt]
        texts |= {f"synonym {number}": text for number, text in enumerate(synonyms)}
        texts["name"] = finding.box_prompt
        texts["lung"] = located(finding, self.lungs.lung(side))
        texts["zone"] = located(finding, self.lungs.zone(side, target.box, sample.annotations))
        ways = {way: Query(text=text, name=finding.id) for way, text in texts.items()}
        return Prompted(finding, ways, {"side": side, "target": list(target.box)})

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        cases = Cases(rows)
        overlaps, probabilities = _overlaps(cases), _probabilities(cases)
        blind = giou([self.blind_box(case["finding"], case["side"]) for case in cases.cases], cases.column("target"))
        figures = {}
        for way, words in WAYS.items():
            figures[f"query_precision_giou_{way}"] = cases.mean(
                overlaps[way],
                spread,
                f"gIoU of the best box {_CASES}, asked by {words}; -1 to 1, more is better",
                {_NAME: overlaps["name"], _MEAN_BOX: blind},
            )
            figures[f"query_precision_probability_{way}"] = cases.mean(
                probabilities[way],
                spread,
                f"probability of the finding in the answer, cases {_CASES}, asked by {words}; 0 to 1, more is better",
                {_NAME: probabilities["name"]},
            )
        return figures

    def pictures(self, rows: Sequence[Row], options: Mapping[str, Any] | None = None) -> dict[str, Drawing]:
        from jobs.evaluation.interactive.charts import strips

        cases = Cases(rows)
        overlaps, scores = _overlaps(cases), _means(cases, lambda way: np.array(cases.answers(way, "score"), float))
        chart = strips(
            {words: (overlaps[way], scores[way]) for way, words in WAYS.items()},
            cases.sample,
            title="How precisely is it asked? The box that is found",
            axis="gIoU with the true box",
        )
        return {"query_precision": chart}


def _overlaps(cases: Cases) -> dict[str, np.ndarray]:
    return _means(cases, lambda way: giou(cases.answers(way, "box"), cases.column("target")))


def _probabilities(cases: Cases) -> dict[str, np.ndarray]:
    return _means(cases, lambda way: np.array(cases.answers(way, "probability"), dtype=float))


def _means(cases: Cases, of_way) -> dict[str, np.ndarray]:
    """Values of every way (cases,); those of synonyms in the mean over a case's synonyms, NaN where it has none."""
    asked = sorted({answer["way"] for case in cases.cases for answer in case["answers"]})
    synonyms = np.array([of_way(way) for way in asked if way.startswith("synonym")]).reshape(-1, len(cases))
    there = ~np.isnan(synonyms)
    count = there.sum(axis=0)
    total = np.where(there, synonyms, 0.0).sum(axis=0)
    mean = np.divide(total, count, out=np.full(len(cases), np.nan), where=count > 0)
    return {way: mean if way == "synonym" else of_way(way) for way in WAYS}
