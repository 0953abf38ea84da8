"""What a finding is held against: the means by hand, and the classifier that uses them."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from chex.inference.classification import ABNORMAL, FindingClassifier, finding_probabilities, prompt_mean
from chex.inference.negative_prompts import MODES, negative_side
from chex.vocabulary import load

POSITIVE = torch.tensor([[1.0, 0.0], [3.0, 2.0]])
NEGATIVE = torch.tensor([[-1.0, 4.0], [0.0, 0.0]])
NO_FINDING = torch.tensor([6.0, -6.0])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("positive", [2.0, 1.0]),
        ("negative", [-0.5, 2.0]),
        ("no_finding", [6.0, -6.0]),
        ("positive+negative", [0.75, 1.5]),
        ("positive+no_finding", [10 / 3, -4 / 3]),
        ("negative+no_finding", [5 / 3, -2 / 3]),
        ("positive+negative+no_finding", [1.8, 0.0]),
    ],
)
def test_centroids_are_the_same_for_all_findings(mode, expected):
    found = negative_side(mode, POSITIVE, NEGATIVE, NO_FINDING)
    assert torch.allclose(found, torch.tensor([expected, expected]))


def test_own_prompts_are_kept():
    assert torch.equal(negative_side("own", POSITIVE, NEGATIVE), NEGATIVE)


def test_impossible_modes_are_refused():
    with pytest.raises(ValueError, match="positive\\+negative"):
        negative_side("neg", POSITIVE, NEGATIVE)
    with pytest.raises(ValueError, match="no finding"):
        negative_side("positive+no_finding", POSITIVE, NEGATIVE)


@pytest.mark.parametrize("mode", MODES)
def test_the_classifier_holds_every_finding_against_the_mode(tiny_model, mode):
    vocabulary = load()
    classifier = FindingClassifier(tiny_model, vocabulary, negative_mode=mode, among=("edema", "pleural_effusion"))
    asked = ["edema", "cig/lung opacity", ABNORMAL]
    positive, negative = classifier.prompt_features(asked)
    own = vocabulary.findings["edema"]
    assert torch.allclose(positive[0], F.normalize(prompt_mean(tiny_model, own.positive), dim=-1))
    assert torch.allclose(negative[0], negative[1]) == (mode != "own")
    tokens = torch.randn(2, 3, len(positive[0]), generator=torch.Generator().manual_seed(0))
    assert classifier.probabilities(tokens, asked).shape == (2, 3, 3)


def test_the_centroid_is_one_of_the_findings_that_are_named(tiny_model):
    vocabulary = load()
    classifier = FindingClassifier(tiny_model, vocabulary, negative_mode="positive", among=("edema", "pneumonia"))
    means = [prompt_mean(tiny_model, vocabulary.findings[f].positive) for f in ("edema", "pneumonia")]
    expected = F.normalize(torch.stack(means).mean(dim=0), dim=-1)
    assert torch.allclose(classifier.prompt_features(["pleural_effusion"])[1][0], expected, atol=1e-6)


def test_the_sigmoid_is_a_softmax_over_both_prompts():
    tokens, sides = torch.randn(5, 4), F.normalize(torch.randn(2, 3, 4), dim=-1)
    cosines = torch.einsum("nd,scd->ncs", F.normalize(tokens, dim=-1), sides) / 0.3
    assert torch.allclose(finding_probabilities(tokens, *sides, temperature=0.3), cosines.softmax(dim=-1)[..., 0])
