"""What a training step asks and how much each loss counts (MODEL.md §4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

TokenKind = Literal["pathology", "anatomy", "sentence"]
TOKEN_KINDS: tuple[TokenKind, ...] = get_args(TokenKind)


@dataclass(frozen=True, slots=True)
class LossWeights:
    """The paper's weights. What is ours: `text_identity` to `region_labels`, for towers that start from nothing, and
    the probabilities and finding sentences, which train what inference and reports ask for; `hinted`, prompts that name a
    side or are phrases of a report.
    """

    pathology_boxes: float = 10.0
    pathology_scores: float = 30.0
    pathology_classes: float = 1.0
    pathology_probabilities: float = 0.0
    hinted_boxes: float = 10.0
    hinted_scores: float = 30.0
    hinted_probabilities: float = 0.0
    anatomy_boxes: float = 0.1
    anatomy_classes: float = 0.005
    region_probabilities: float = 0.0
    image_report: float = 1.0
    sentence_contrast: float = 0.005
    text_identity: float = 1.0
    sentence_alignment: float = 1.0
    region_names: float = 1.0
    region_labels: float = 1.0
    sentence_mse: float = 0.02
    anatomy_mse: float = 0.04
    sentence_generation: float = 0.5
    anatomy_generation: float = 1.0
    finding_probabilities: float = 0.0
    finding_mse: float = 0.0
    finding_generation: float = 0.0

    def problems(self) -> list[str]:
        return [
            f"{name}: expected 0 or more, found {getattr(self, name)}"
            for name in self.__slots__
            if getattr(self, name) < 0
        ]


@dataclass(frozen=True, slots=True)
class ObjectiveConfig:
    """How many prompts of each kind a batch asks, and the weights of what comes back."""

    token_kinds: tuple[TokenKind, ...] = TOKEN_KINDS  # the others are not asked at all, from the detector stage on
    most_boxed_findings: int = 10
    most_labelled_findings: int = 10
    most_hinted_findings: int = 0  # asked on one side, besides; the paper asks for none
    most_phrases: int = 0  # reports' sentences asked of images with boxes of what they state; the paper asks for none
    boxed_region_share: float = 0.0  # of the detector's batches: regions are given by box there; the paper's have none
    most_regions: int = 20
    most_sentences: int = 12  # of one image
    most_generated: int = 32  # sentences of one batch about regions, and as many reports' sentences
    most_asked_findings: int = 32  # of one batch, answered by the sentences about them
    stated_finding_odds: float = 1.0  # of a sentence that states a finding against one that denies it, when drawn
    negative_classes: int = 10
    label_sets: tuple[str, ...] = ("vindr",)  # whose labels pathology prompts learn from
    unmentioned_absent: tuple[str, ...] = ()  # sets in which a finding without a label is taken for absent
    box_query_share: float = 0.5  # of the batches of the later stages: regions are asked for by box
    feature_dropout: float = 0.3  # of text features that stand in for ROI tokens
    most_copies: int = 4  # of a sentence in the sentences stage, each with its own dropout
    frozen_image_layers: int = 0
    # "published": averages, class contrast and matching as the paper's authors have them; "balanced": what is rare in a
    # small batch weighs as much as what is not, and matching asks the probability that inference gives
    form: Literal["balanced", "published"] = "balanced"
    weights: LossWeights = field(default_factory=LossWeights)

    def problems(self) -> list[str]:
        counts = (
            "most_regions",
            "most_sentences",
            "most_generated",
            "most_asked_findings",
            "negative_classes",
            "most_copies",
        )
        found = [f"{n}: expected at least 1, found {getattr(self, n)}" for n in counts if getattr(self, n) < 1]
        nothing = (
            "most_boxed_findings",
            "most_labelled_findings",
            "most_hinted_findings",
            "most_phrases",
            "frozen_image_layers",
        )
        found += [f"{n}: expected 0 or more, found {getattr(self, n)}" for n in nothing if getattr(self, n) < 0]
        if not self.token_kinds or len(set(self.token_kinds)) < len(self.token_kinds):
            wanted = ", ".join(TOKEN_KINDS)
            found.append(f"token_kinds: expected one or more of {wanted}, each once, found {list(self.token_kinds)}")
        if self.stated_finding_odds <= 0:
            found.append(f"stated_finding_odds: expected more than 0, found {self.stated_finding_odds}")
        found += _unknown_sets("label_sets", self.label_sets)
        found += _unknown_sets("unmentioned_absent", self.unmentioned_absent)
        for name in ("box_query_share", "boxed_region_share", "feature_dropout"):
            if not 0 <= getattr(self, name) <= 1:
                found.append(f"{name}: expected a number in [0, 1], found {getattr(self, name)}")
        return found


def _unknown_sets(key: str, names: tuple[str, ...]) -> list[str]:
    # a misspelled set would have no labels at all, and nobody would notice
    from chex.vocabulary import load

    known = sorted({label.partition("/")[0] for label in load().by_label})
    return [f"{key}: expected {' or '.join(known)}, found {name!r}" for name in names if name not in known]
