"""A finding on both sides, asked without a hint, by its lung or by its zone: which one is found? (Paper, figure 4.)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chex.records import Query, Sample
from chex.vocabulary.located import located
from jobs.evaluation.families.prompted_findings import Prompted, PromptedFindings
from jobs.evaluation.figure import Figure
from jobs.evaluation.interactive.cases import Cases, giou
from jobs.evaluation.interactive.instances import Instance, instances_of, on_both_sides
from jobs.evaluation.task import Row, SpreadOf

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

HINTS = {"none": "no hint", "coarse": "the lung as hint", "fine": "the zone of the lung as hint"}
_NO_HINT, _MEAN_BOX = "without a hint", "mean training box of the finding on the hinted side"
_CASES = "of a finding with one box on either side, each asked in turn"


class Task(PromptedFindings):
    gives = (
        *(f"disambiguation_{what}_{hint}" for what in ("giou", "both") for hint in HINTS),
        *(f"disambiguation_{what}_{hint}" for what in ("difference", "right_one") for hint in ("coarse", "fine")),
    )
    needs = "a finding with one box on either side"

    def cases_of(self, sample: Sample) -> list[Prompted]:
        pairs = on_both_sides(instances_of(sample.annotations))
        return [self._case(sample, *case) for pair in pairs for case in (pair, pair[::-1])]

    def _case(self, sample: Sample, target: Instance, other: Instance) -> Prompted:
        finding, side = target.finding, target.side
        lung, zone = self.lungs.lung(side), self.lungs.zone(side, target.box, sample.annotations)
        texts = {"none": finding.box_prompt, "coarse": located(finding, lung), "fine": located(finding, zone)}
        ways = {hint: Query(text=text, name=finding.id) for hint, text in texts.items()}
        return Prompted(finding, ways, {"side": side, "target": list(target.box), "other": list(other.box)})

    def figures(
        self, rows: Sequence[Row], spread: SpreadOf, options: Mapping[str, Any] | None = None
    ) -> dict[str, Figure]:
        cases = Cases(rows)
        to_asked, difference = _distances(cases)
        blind = [self.blind_box(case["finding"], case["side"]) for case in cases.cases]
        blind_asked = giou(blind, cases.column("target"))
        blind_difference = blind_asked - giou(blind, cases.column("other"))
        figures = {}
        for hint, words in HINTS.items():
            figures[f"disambiguation_giou_{hint}"] = cases.mean(
                to_asked[hint],
                spread,
                f"gIoU of the best box with the asked one of two boxes {_CASES}; {words}; -1 to 1, more is better",
                {_NO_HINT: to_asked["none"], _MEAN_BOX: blind_asked},
            )
            figures[f"disambiguation_both_{hint}"] = cases.mean(
                _on_both_sides(cases, hint),
                spread,
                f"share of answers whose best and second best box lie on different sides, {_CASES}; {words}; 0 to 1, "
                + ("more is better: both are found" if hint == "none" else "less is better: one of them is asked for"),
                {_NO_HINT: _on_both_sides(cases, "none")},
            )
        for hint in ("coarse", "fine"):
            figures[f"disambiguation_difference_{hint}"] = cases.mean(
                difference[hint],
                spread,
                f"gIoU of the best box with the asked one less that with the other one of two boxes {_CASES}; "
                f"{HINTS[hint]}; -2 to 2, 0 for whoever does not follow hints, more is better",
                {_NO_HINT: difference["none"], _MEAN_BOX: blind_difference},
            )
            figures[f"disambiguation_right_one_{hint}"] = cases.mean(
                _nearer(difference[hint]),
                spread,
                f"share of best boxes that are nearer (gIoU) to the asked one than to the other one of two boxes "
                f"{_CASES}; {HINTS[hint]}; 0 to 1, 0.5 for whoever does not follow hints, more is better",
                {_NO_HINT: _nearer(difference["none"]), _MEAN_BOX: _nearer(blind_difference)},
            )
        return figures

    def pictures(self, rows: Sequence[Row], options: Mapping[str, Any] | None = None) -> dict[str, Drawing]:
        from jobs.evaluation.interactive.charts import strips

        cases = Cases(rows)
        _, difference = _distances(cases)
        chart = strips(
            {words: (difference[hint], cases.answers(hint, "score")) for hint, words in HINTS.items()},
            cases.sample,
            title="A finding on both sides: which one does the box take?",
            axis="gIoU with the asked box − with the other one",
        )
        return {"disambiguation": chart}


def _distances(cases: Cases) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """By hint, the gIoU of the best box with the asked one, and how much less it is with the other one."""
    asked = {hint: giou(cases.answers(hint, "box"), cases.column("target")) for hint in HINTS}
    return asked, {hint: asked[hint] - giou(cases.answers(hint, "box"), cases.column("other")) for hint in HINTS}


def _on_both_sides(cases: Cases, hint: str) -> np.ndarray:
    middles = [
        [(box[0] + box[2]) / 2 for box in pair if box]
        for pair in zip(cases.answers(hint, "box"), cases.answers(hint, "second_box"), strict=True)
    ]
    return np.array([len(x) == 2 and min(x) <= 0.5 < max(x) for x in middles], dtype=float)


def _nearer(difference: np.ndarray) -> np.ndarray:
    """1 or 0, and one half where both are as near."""
    return (np.sign(difference) + 1) / 2
