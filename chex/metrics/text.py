"""Words in common between generated and reference texts: BLEU, ROUGE-L and CIDEr, one reference per text.

What is counted is counted once per pair; any weighting of the pairs can then be scored, so that the figure and its
bootstrap are one computation (libraries give a score per call). The tests compare with pycocoevalcap.
METEOR has its own file, for it needs Java.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np

from chex.metrics.bootstrap import as_weights

Words = Sequence[str]
LONGEST = 4  # words of the longest sequence that BLEU and CIDEr count
_WORD = re.compile(r"\w+(?:[.'’/-]\w+)*|[^\w\s]")
_RECALL_WEIGHT = 1.2  # ROUGE-L's beta, as image captioning has it
_LENGTH_SPREAD = 6.0  # CIDEr-D's sigma, in words


def words(text: str, kind: Literal["plain", "published"] = "plain") -> list[str]:
    """A text as its words.

    "plain": lower case, every mark of punctuation a word of its own, numbers and hyphenated words whole.
    "published": as the authors' evaluation has it: case matters, only full stops stand apart, a comma is part of the
    word before it.
    """
    if kind == "published":
        return text.replace(".", " .").split()
    if kind != "plain":
        raise ValueError(f"words are plain or published; found {kind!r}")
    return _WORD.findall(text.lower())


def bleu(
    texts: Sequence[Words],
    references: Sequence[Words],
    weights: np.ndarray | None = None,
    smoothing: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """(D, 4): corpus BLEU-1 … BLEU-4 (Papineni et al. 2002), 0 … 1, more is better.

    The geometric mean of the precisions of sequences of 1 … n words, over all texts together, times the brevity
    penalty exp(1 − reference words / words) of texts that are shorter in all than their references; 0 where no sequence
    is found. smoothing: what is added to each precision's numerator and denominator; pycocoevalcap's is (1e-15, 1e-9).
    """
    return bleu_of(bleu_counts(texts, references), weights, smoothing)


def bleu_counts(texts: Sequence[Words], references: Sequence[Words]) -> np.ndarray:
    """(N, 10): what BLEU counts for every text, sequences of 1 … 4 words found and possible, and the words of both."""
    _one_reference_each(texts, references)
    pairs = list(zip(texts, references, strict=True))
    rows = [[*np.ravel(_found_sequences(said, true)), len(said), len(true)] for said, true in pairs]
    return np.array(rows, dtype=np.float64).reshape(len(pairs), 2 * LONGEST + 2)


def bleu_of(
    counts: np.ndarray, weights: np.ndarray | None = None, smoothing: tuple[float, float] = (0.0, 0.0)
) -> np.ndarray:
    """(D, 4): `bleu` from counts (N, 10) of `bleu_counts`, for any number of weightings."""
    total = as_weights(weights, len(counts)) @ counts
    found, possible = np.moveaxis(total[:, :-2].reshape(-1, LONGEST, 2), 2, 0)  # (D, 4) each
    found, possible = found + smoothing[0], possible + smoothing[1]
    precision = np.divide(found, possible, out=np.zeros_like(found), where=possible > 0)
    with np.errstate(divide="ignore"):
        mean = np.exp(np.cumsum(np.log(precision), axis=1) / np.arange(1, LONGEST + 1))
    said, true = total[:, -2:].T
    with np.errstate(divide="ignore", invalid="ignore"):
        penalty = np.where(said < true, np.exp(1 - true / said), 1.0)
    return mean * penalty[:, None]


def rouge_l(texts: Sequence[Words], references: Sequence[Words]) -> np.ndarray:
    """(N,): ROUGE-L of every text (Lin 2004), 0 … 1, more is better: F (β = 1.2) of the longest common subsequence."""
    _one_reference_each(texts, references)
    scores = np.zeros(len(texts))
    for place, (said, true) in enumerate(zip(texts, references, strict=True)):
        common = _common_subsequence(said, true)
        if common:
            precision, recall = common / len(said), common / len(true)
            squared = _RECALL_WEIGHT**2
            scores[place] = (1 + squared) * precision * recall / (recall + squared * precision)
    return scores


def cider(texts: Sequence[Words], references: Sequence[Words]) -> np.ndarray:
    """(N,): CIDEr-D of every text (Vedantam et al. 2015), 0 … 10, more is better.

    Ten times the cosine of counts of 1 … 4 words in sequence, in which rare sequences weigh more, cut to what the
    reference has, and less where lengths differ.

    How rare a sequence is comes from these references, so figures of different test sets do not compare.
    """
    _one_reference_each(texts, references)
    occurs = Counter(sequence for true in references for sequence in set(_sequences(true)))
    scores = np.zeros(len(texts))
    for place, (said, true) in enumerate(zip(texts, references, strict=True)):
        ours, theirs = (_rarity(side, occurs, len(references)) for side in (said, true))
        closeness = np.exp(-((len(said) - len(true)) ** 2) / (2 * _LENGTH_SPREAD**2))
        scores[place] = 10 * closeness * np.mean([_clipped_cosine(a, b) for a, b in zip(ours, theirs, strict=True)])
    return scores


def _one_reference_each(texts: Sequence[Words], references: Sequence[Words]) -> None:
    if len(texts) != len(references):
        raise ValueError(f"one reference per text expected; found {len(references)} for {len(texts)} texts")
    if any(isinstance(text, str) for text in (*texts, *references)):
        raise TypeError("texts are lists of words, as `words` gives them; found a str")


def _sequences(text: Words) -> list[tuple[str, ...]]:
    return [tuple(text[i : i + n]) for n in range(1, LONGEST + 1) for i in range(len(text) - n + 1)]


def _found_sequences(text: Words, reference: Words) -> list[tuple[int, int]]:
    """Per length: how many sequences the reference has, too (each as often as there), of how many."""
    common = Counter(_sequences(text)) & Counter(_sequences(reference))
    found = Counter()
    for sequence, times in common.items():
        found[len(sequence)] += times
    return [(found[n], max(len(text) - n + 1, 0)) for n in range(1, LONGEST + 1)]


def _common_subsequence(first: Words, second: Words) -> int:
    lengths = [0] * (len(second) + 1)
    for word in first:
        before = 0  # the entry above and to the left
        for place, other in enumerate(second, start=1):
            above = lengths[place]
            lengths[place] = before + 1 if word == other else max(above, lengths[place - 1])
            before = above
    return lengths[-1]


def _rarity(text: Words, occurs: Counter, documents: int) -> list[dict[tuple[str, ...], float]]:
    """Per length: count of every sequence times the logarithm of how rare it is among the references."""
    vectors: list[dict[tuple[str, ...], float]] = [{} for _ in range(LONGEST)]
    for sequence, times in Counter(_sequences(text)).items():
        vectors[len(sequence) - 1][sequence] = times * float(np.log(documents / max(occurs[sequence], 1)))
    return vectors


def _clipped_cosine(said: dict, true: dict) -> float:
    """A sequence said more often than in the reference counts no more than there."""
    lengths = [sum(value**2 for value in side.values()) ** 0.5 for side in (said, true)]
    shared = sum(min(value, true.get(sequence, 0.0)) * true.get(sequence, 0.0) for sequence, value in said.items())
    return shared / (lengths[0] * lengths[1]) if all(lengths) else 0.0
