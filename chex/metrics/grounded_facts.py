"""Are a report's sentences true, and are they shown at the right place? The six figures of RadFact.

After Bannur et al. 2024, "MAIRA-2: Grounded Radiology Report Generation" (arXiv 2406.04449). There a language model judges;
here any `Judge` does, whose name belongs beside every figure made with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chex.metrics.bootstrap import as_weights, weighted_mean
from chex.metrics.fact_judges import Judge, Question, rule_based_judge
from chex.metrics.overlap import covered_share
from chex.records import GroundedPhrase

LEAST_COVERED = 0.5  # the paper's; more than this share must be covered
_QUOTIENTS = {  # of each direction's counts: which column over which
    "logical": (1, 0),
    "grounding": (4, 3),
    "spatial": (4, 2),
}


@dataclass(frozen=True, slots=True)
class GroundedFacts:
    """What was counted of N reports: sentences, entailed ones, those with boxes, entailed ones with boxes, and entailed
    ones whose boxes are, too. (N, 5) each; `judge` is the name of who decided what is entailed."""

    generated: np.ndarray  # against the reference: precision
    reference: np.ndarray  # against what was generated: recall
    judge: str

    def figures(self, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Six figures, (D,) each, 0 … 1, more is better: means over reports, as published; weights (D, N).

        logical precision: the share of generated sentences that the reference entails; recall: of reference sentences
        that the generated report entails.
        grounding: of entailed sentences with boxes, the share whose boxes are entailed as well.
        spatial: of all sentences with boxes, the share that is entailed together with its boxes.
        Boxes are entailed where more than half of their area lies in boxes of the sentences that entail. A report
        without anything to count is left out of that figure's mean; NaN where all are.
        """
        weights = as_weights(weights, len(self.generated))
        found = {}
        for name, (part, whole) in _QUOTIENTS.items():
            for kind, counts in (("precision", self.generated), ("recall", self.reference)):
                counted = counts[:, whole] > 0
                found[f"{name}_{kind}"] = weighted_mean(
                    counts[counted, part] / counts[counted, whole], weights[:, counted]
                )
        return found

    def counted(self) -> dict[str, int]:
        """Of each figure, the reports that it is the mean of."""
        sides = {"precision": self.generated, "recall": self.reference}
        return {
            f"{name}_{kind}": int((counts[:, whole] > 0).sum())
            for name, (_, whole) in _QUOTIENTS.items()
            for kind, counts in sides.items()
        }


def grounded_facts(
    generated: Sequence[Sequence[GroundedPhrase]],
    reference: Sequence[Sequence[GroundedPhrase]],
    judge: Judge | None = None,
    least_covered: float = LEAST_COVERED,
) -> GroundedFacts:
    """Compare N generated and N reference reports, each a list of sentences with boxes (x_min, y_min, x_max, y_max).

    A sentence should say one thing; one without boxes has nothing to localize. judge: by default the rule-based one.
    """
    if len(generated) != len(reference):
        raise ValueError(f"one generated report per reference expected; found {len(generated)} for {len(reference)}")
    judge = rule_based_judge() if judge is None else judge
    pairs = [
        (sentence, premises)
        for said, against in ((generated, reference), (reference, generated))
        for sentences, premises in zip(said, against, strict=True)
        for sentence in sentences
    ]
    questions = [Question(tuple(p.phrase for p in premises), sentence.phrase) for sentence, premises in pairs]
    verdicts = judge.judge(questions)
    if len(verdicts) != len(questions):
        raise ValueError(f"one verdict per question expected; {judge.name} gave {len(verdicts)} for {len(questions)}")
    rows = np.array(
        [
            _counted(sentence, premises, verdict.entailed, verdict.evidence, least_covered)
            for (sentence, premises), verdict in zip(pairs, verdicts, strict=True)
        ]
    ).reshape(-1, 5)
    lengths = [len(sentences) for side in (generated, reference) for sentences in side]
    report = np.repeat(np.arange(len(lengths)), lengths)
    counts = np.zeros((len(lengths), 5))
    np.add.at(counts, report, rows)
    return GroundedFacts(counts[: len(generated)], counts[len(generated) :], judge.name)


def _counted(
    sentence: GroundedPhrase,
    premises: Sequence[GroundedPhrase],
    entailed: bool,
    evidence: Sequence[int],
    least_covered: float,
) -> tuple[bool, ...]:
    boxed = bool(sentence.boxes)
    shown = [box for place in evidence for box in premises[place].boxes]
    found = entailed and boxed and covered_share(sentence.boxes, shown) > least_covered
    return True, entailed, boxed, entailed and boxed, found
