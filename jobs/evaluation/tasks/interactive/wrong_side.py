"""A finding on one side only, asked with a hint to its own or to the other lung: is the hint followed? (Paper, figure 5.)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chex.records import Query, Sample
from chex.vocabulary.located import located
from jobs.evaluation.families.prompted_findings import Prompted, PromptedFindings
from jobs.evaluation.figure import Figure
from jobs.evaluation.interactive.cases import Cases, giou
from jobs.evaluation.interactive.instances import Instance, instances_of, on_one_side
from jobs.evaluation.task import Row, SpreadOf

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

HINTS = {"none": "no hint", "same": "a hint to the finding's own lung", "opposite": "a hint to the opposite lung"}
_NO_HINT, _OBEYS = "without a hint", "the hinted lung itself, as annotated or in the training mean"
_CASES = "of a finding that has one box, on one side"


class Task(PromptedFindings):
    gives = (
        *(f"wrong_side_{what}_{hint}" for what in ("nearness", "probability") for hint in HINTS),
        "wrong_side_followed",
        "wrong_side_probability_lower",
    )
    needs = "a finding with one box, on one side"

    def cases_of(self, sample: Sample) -> list[Prompted]:
        return [self._case(sample, target) for target in on_one_side(instances_of(sample.annotations))]

    def _case(self, sample: Sample, target: Instance) -> Prompted:
        finding, side = target.finding, target.side
        same, opposite = (self.lungs.lung(side) for side in (side, "left" if side == "right" else "right"))
        texts = {"none": finding.box_prompt, "same": located(finding, same), "opposite": located(finding, opposite)}
        ways = {hint: Query(text=text, name=finding.id) for hint, text in texts.items()}
        drawn = {
            name: list(self.lungs.box(lung.name, sample.annotations) or ())
            for name, lung in (("lung", same), ("opposite_lung", opposite))
        }
        return Prompted(finding, ways, {"side": side, "target": list(target.box), **drawn})

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        cases = Cases(rows)
        nearness = {hint: _nearness(cases, cases.answers(hint, "box")) for hint in HINTS}
        lungs = {"same": "lung", "opposite": "opposite_lung"}
        obeying = {hint: {_OBEYS: _nearness(cases, _lungs(cases, name))} for hint, name in lungs.items()}
        probability = {hint: np.array(cases.answers(hint, "probability")) for hint in HINTS}
        figures = {}
        for hint, words in HINTS.items():
            figures[f"wrong_side_nearness_{hint}"] = cases.mean(
                nearness[hint],
                spread,
                f"gIoU of the best box with the true one {_CASES}, less that with the opposite lung; {words}; -2 to 2, "
                + ("less is better: the hint leads away" if hint == "opposite" else "more is better"),
                {_NO_HINT: nearness["none"], **obeying.get(hint, {})},
            )
            figures[f"wrong_side_probability_{hint}"] = cases.mean(
                probability[hint],
                spread,
                f"probability of the finding in the answer, {_CASES}; {words}; 0 to 1, "
                + ("less is better: it is not there" if hint == "opposite" else "more is better"),
                {_NO_HINT: probability["none"]},
            )
        figures["wrong_side_followed"] = cases.mean(
            _on_other_side(cases, "opposite"),
            spread,
            f"share of best boxes whose middle lies on the side opposite to the true box {_CASES}; {HINTS['opposite']}; "
            "0 to 1, more means that hints are followed",
            {_NO_HINT: _on_other_side(cases, "none"), "with a hint to its own lung": _on_other_side(cases, "same")},
        )
        figures["wrong_side_probability_lower"] = cases.mean(
            (np.sign(probability["same"] - probability["opposite"]) + 1) / 2,
            spread,
            f"share of cases {_CASES} whose probability is lower with {HINTS['opposite']} than with "
            f"{HINTS['same']}; 0 to 1, more is better",
            {"a probability that does not depend on the hint": 0.5},
        )
        return figures

    def pictures(self, rows: Sequence[Row], options: Mapping[str, Any] | None = None) -> dict[str, Drawing]:
        from jobs.evaluation.interactive.charts import bars, strips

        cases = Cases(rows)
        boxes = strips(
            {w: (_nearness(cases, cases.answers(h, "box")), cases.answers(h, "score")) for h, w in HINTS.items()},
            cases.sample,
            title="A finding on one side: where does the box lie?",
            axis="gIoU with the finding − with the opposite lung",
        )
        said = bars(
            {words: {"probability": np.array(cases.answers(hint, "probability"))} for hint, words in HINTS.items()},
            cases.sample,
            title="A finding on one side: is it said to be there?",
            axis="probability of the finding",
        )
        return {"wrong_side_boxes": boxes, "wrong_side_probabilities": said}


def _lungs(cases: Cases, name: str) -> list:
    return [box or None for box in cases.column(name)]


def _nearness(cases: Cases, boxes: Sequence) -> np.ndarray:
    """NaN where nobody knows the opposite lung."""
    return giou(boxes, cases.column("target")) - giou(boxes, _lungs(cases, "opposite_lung"))


def _on_other_side(cases: Cases, hint: str) -> np.ndarray:
    middles = [(box[0] + box[2]) / 2 for box in cases.answers(hint, "box")]
    return np.array([(x > 0.5) == (side == "right") for x, side in zip(middles, cases.column("side"))], dtype=float)
