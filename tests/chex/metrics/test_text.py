"""BLEU, ROUGE-L and CIDEr against pycocoevalcap's, and against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from chex.metrics.text import bleu, bleu_counts, bleu_of, cider, rouge_l, words

VOCABULARY = ["no", "the", "lungs", "are", "clear", ".", "effusion", "heart", "is", "enlarged", "small", "pleural"]


def random_texts(seed: int, count: int = 40, least: int = 0) -> list[list[str]]:
    generator = np.random.default_rng(seed)
    return [[str(word) for word in generator.choice(VOCABULARY, generator.integers(least, 14))] for _ in range(count)]


def as_captions(texts) -> dict[int, list[str]]:
    return {place: [" ".join(text)] for place, text in enumerate(texts)}


@pytest.mark.parametrize("seed", range(3))
def test_they_are_pycocoevalcaps(seed):
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    texts, references = random_texts(seed), random_texts(seed + 10, least=1)
    captions = as_captions(references), as_captions(texts)
    assert bleu(texts, references)[0] == pytest.approx(Bleu(4).compute_score(*captions, verbose=0)[0], abs=1e-5)
    smoothed = bleu(texts, references, smoothing=(1e-15, 1e-9))
    assert smoothed[0] == pytest.approx(Bleu(4).compute_score(*captions, verbose=0)[0], abs=1e-11)
    assert rouge_l(texts, references) == pytest.approx(Rouge().compute_score(*captions)[1])
    assert cider(texts, references) == pytest.approx(Cider().compute_score(*captions)[1])


def test_by_hand():
    """Of "the the lungs clear", "the" counts as often as in the reference; shorter by two words of six."""
    said, true = [["the", "the", "lungs", "clear"]], [["the", "lungs", "are", "clear", "now", "."]]
    penalty = np.exp(1 - 6 / 4)
    assert bleu(said, true)[0] == pytest.approx([penalty * 3 / 4, penalty * (3 / 4 * 1 / 3) ** 0.5, 0, 0])
    precision, recall = 3 / 4, 3 / 6  # the lungs … clear
    assert rouge_l(said, true)[0] == pytest.approx(2.44 * precision * recall / (recall + 1.44 * precision))


def test_equal_texts_have_the_best_score():
    texts = [["a", "b", "c", "d", "e"], ["f", "g", "h", "i", "j"]]
    best = {"bleu_1": 1, "bleu_4": 1, "rouge_l": 1, "cider": 10}
    found = bleu(texts, texts)[0, [0, 3]].tolist() + [rouge_l(texts, texts).mean(), cider(texts, texts).mean()]
    assert dict(zip(best, found, strict=True)) == pytest.approx(best)


def test_weights_repeat_texts():
    texts, references, times = random_texts(5), random_texts(15, least=1), np.random.default_rng(0).integers(0, 3, 40)
    repeated = [[text for text, n in zip(side, times, strict=True) for _ in range(n)] for side in (texts, references)]
    assert bleu(texts, references, np.stack([times, 2 * times])) == pytest.approx(np.tile(bleu(*repeated), (2, 1)))
    counted = bleu_of(bleu_counts(texts, references), times)
    assert counted == pytest.approx(bleu(texts, references, times))


def test_nothing_said_scores_nothing():
    said, true = [[], ["clear"]], [["clear", "lungs"], ["effusion"]]
    assert not bleu(said, true).any() and not rouge_l(said, true).any() and not cider(said, true).any()
    assert bleu([], []).tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("text", "plain", "published"),
    [
        ("No effusion, 2.5 cm.", "no|effusion|,|2.5|cm|.", "No|effusion,|2|.5|cm|."),
        ("Post-operative\nLeft  lung", "post-operative|left|lung", "Post-operative|Left|lung"),
        ("", "", ""),
    ],
)
def test_words(text, plain, published):
    assert "|".join(words(text)) == plain and "|".join(words(text, "published")) == published


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="one reference per text"):
        bleu([[]], [])
    with pytest.raises(TypeError, match="found a str"):
        rouge_l(["the lungs"], [["the"]])
    with pytest.raises(ValueError, match="plain or published"):
        words("a", "ptb")
